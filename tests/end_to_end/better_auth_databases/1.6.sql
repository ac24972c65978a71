-- Better Auth 1.6.34, ids: text

create table "user" ("id" text not null primary key, "name" text not null, "email" text not null unique, "emailVerified" boolean not null, "image" text, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz default CURRENT_TIMESTAMP not null);

create table "session" ("id" text not null primary key, "expiresAt" timestamptz not null, "token" text not null unique, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz not null, "ipAddress" text, "userAgent" text, "userId" text not null references "user" ("id") on delete cascade);

create table "account" ("id" text not null primary key, "accountId" text not null, "providerId" text not null, "userId" text not null references "user" ("id") on delete cascade, "accessToken" text, "refreshToken" text, "idToken" text, "accessTokenExpiresAt" timestamptz, "refreshTokenExpiresAt" timestamptz, "scope" text, "password" text, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz not null);

create table "verification" ("id" text not null primary key, "identifier" text not null, "value" text not null, "expiresAt" timestamptz not null, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz default CURRENT_TIMESTAMP not null);

create index "session_userId_idx" on "session" ("userId");

create index "account_userId_idx" on "account" ("userId");

create index "verification_identifier_idx" on "verification" ("identifier");

INSERT INTO "user" ("id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt") VALUES ('k6pJHS9DAqCWCTmZWfMumnbou5D8eqdh', 'Ann', 'ann@example.test', 'f', NULL, '2026-11-21 22:53:15.75+00', '2026-11-21 22:53:15.75+00');

INSERT INTO "session" ("id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId") VALUES ('hdh70cNyO60qIk4iP2tqA6c69aqlQatg', '2026-11-28 22:53:15.87+00', 'B9kJFROyUVEsdTjGZ211igJOW8d9QlAh', '2026-11-21 22:53:15.87+00', '2026-11-21 22:53:15.87+00', '', '', 'k6pJHS9DAqCWCTmZWfMumnbou5D8eqdh');

INSERT INTO "account" ("id", "accountId", "providerId", "userId", "accessToken", "refreshToken", "idToken", "accessTokenExpiresAt", "refreshTokenExpiresAt", "scope", "password", "createdAt", "updatedAt") VALUES ('ObO7bIHRXSYBGq80J1WzLScG89g7QLYO', 'k6pJHS9DAqCWCTmZWfMumnbou5D8eqdh', 'credential', 'k6pJHS9DAqCWCTmZWfMumnbou5D8eqdh', NULL, NULL, NULL, NULL, NULL, NULL, 'e3fe2d18541d909a89badfee1f022256:6ea15b19738ea5ec3c7ebf041affa1fb5311f60594ebda503a2cda7f30618a78a7b8bc9ab43d3a953b0330213cc584e48c29101517bc45210d9dcbc3d6e8152c', '2026-11-21 22:53:15.828+00', '2026-11-21 22:53:15.828+00');
