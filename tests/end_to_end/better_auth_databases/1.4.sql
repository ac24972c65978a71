-- Better Auth 1.4.22, ids: text

create table "user" ("id" text not null primary key, "name" text not null, "email" text not null unique, "emailVerified" boolean not null, "image" text, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz default CURRENT_TIMESTAMP not null);

create table "session" ("id" text not null primary key, "expiresAt" timestamptz not null, "token" text not null unique, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz not null, "ipAddress" text, "userAgent" text, "userId" text not null references "user" ("id") on delete cascade);

create table "account" ("id" text not null primary key, "accountId" text not null, "providerId" text not null, "userId" text not null references "user" ("id") on delete cascade, "accessToken" text, "refreshToken" text, "idToken" text, "accessTokenExpiresAt" timestamptz, "refreshTokenExpiresAt" timestamptz, "scope" text, "password" text, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz not null);

create table "verification" ("id" text not null primary key, "identifier" text not null, "value" text not null, "expiresAt" timestamptz not null, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz default CURRENT_TIMESTAMP not null);

create index "session_userId_idx" on "session" ("userId");

create index "account_userId_idx" on "account" ("userId");

create index "verification_identifier_idx" on "verification" ("identifier");

INSERT INTO "user" ("id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt") VALUES ('5z8RWuoeAvatWSGYQTwOWCaqTkaiVJbN', 'Ann', 'ann@example.test', 'f', NULL, '2026-11-21 22:52:54.874+00', '2026-11-21 22:52:54.874+00');

INSERT INTO "session" ("id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId") VALUES ('LCNr01MBsZ3cnrM2bpCaFZ6YamxwHnBd', '2026-11-28 22:52:54.958+00', 'Wkev25JjOjzWgQ0O21Kogi7lygf5seld', '2026-11-21 22:52:54.958+00', '2026-11-21 22:52:54.958+00', '', '', '5z8RWuoeAvatWSGYQTwOWCaqTkaiVJbN');

INSERT INTO "account" ("id", "accountId", "providerId", "userId", "accessToken", "refreshToken", "idToken", "accessTokenExpiresAt", "refreshTokenExpiresAt", "scope", "password", "createdAt", "updatedAt") VALUES ('4CQDgRcELJ1tF0flhl6rKsZSrI5ZXCVe', '5z8RWuoeAvatWSGYQTwOWCaqTkaiVJbN', 'credential', '5z8RWuoeAvatWSGYQTwOWCaqTkaiVJbN', NULL, NULL, NULL, NULL, NULL, NULL, '97175252e09c5cec4ccfb06a3b083dca:31c59f069a0afacc65f9d3b83877dd4cba98c83b1c6c9a95c1b66458076d726e7ecedc183068db3ea9be0111747fc22963d15fdb08b844f536a81bd69ad68652', '2026-11-21 22:52:54.919+00', '2026-11-21 22:52:54.919+00');
