-- Better Auth 1.7.0, ids: text

create table "user" ("id" text not null primary key, "name" text not null, "email" text not null unique, "emailVerified" boolean not null, "image" text, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz default CURRENT_TIMESTAMP not null);

create table "session" ("id" text not null primary key, "expiresAt" timestamptz not null, "token" text not null unique, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz not null, "ipAddress" text, "userAgent" text, "userId" text not null references "user" ("id") on delete cascade);

create table "account" ("id" text not null primary key, "issuer" text not null, "accountId" text not null, "providerId" text not null, "userId" text not null references "user" ("id") on delete cascade, "accessToken" text, "refreshToken" text, "idToken" text, "accessTokenExpiresAt" timestamptz, "refreshTokenExpiresAt" timestamptz, "scope" text, "password" text, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz not null);

create table "verification" ("id" text not null primary key, "identifier" text not null, "value" text not null, "expiresAt" timestamptz not null, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz default CURRENT_TIMESTAMP not null);

create index "session_userId_idx" on "session" ("userId");

create index "account_userId_idx" on "account" ("userId");

create index "verification_identifier_idx" on "verification" ("identifier");

create unique index "account_issuer_accountId_uidx" on "account" ("issuer", "accountId");

INSERT INTO "user" ("id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt") VALUES ('IOxNdYEOqms05jbOZRKMdvsNUdZyEZQ4', 'Ann', 'ann@example.test', 'f', NULL, '2026-11-21 22:53:26.502+00', '2026-11-21 22:53:26.502+00');

INSERT INTO "session" ("id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId") VALUES ('81dTIbMpZtjrShXHhDtWKvCP0Ud2mjux', '2026-11-28 22:53:26.554+00', '7JDbcRhghVlOHrsOzRMHJHMTDFLhfP3W', '2026-11-21 22:53:26.555+00', '2026-11-21 22:53:26.555+00', '', '', 'IOxNdYEOqms05jbOZRKMdvsNUdZyEZQ4');

INSERT INTO "account" ("id", "issuer", "accountId", "providerId", "userId", "accessToken", "refreshToken", "idToken", "accessTokenExpiresAt", "refreshTokenExpiresAt", "scope", "password", "createdAt", "updatedAt") VALUES ('bG07uHz45OokVgEdgxow5kI3NFF6zZL2', 'local:credential', 'IOxNdYEOqms05jbOZRKMdvsNUdZyEZQ4', 'credential', 'IOxNdYEOqms05jbOZRKMdvsNUdZyEZQ4', NULL, NULL, NULL, NULL, NULL, NULL, '3425c43f017d60531f614fe11d1bcd2b:81ff1d10bd880e722eed45e09077e51badce2187ea5194cf44c3e5db53e0155c5b6f2d87c7c8fbcd3571b1236be6b9d21186c64340b423dafc0c68d1b1a7434a', '2026-11-21 22:53:26.526+00', '2026-11-21 22:53:26.526+00');
