-- Better Auth 1.4.22, ids: serial

create table "user" ("id" integer not null primary key, "name" text not null, "email" text not null unique, "emailVerified" integer not null, "image" text, "createdAt" date not null, "updatedAt" date not null);

create table "session" ("id" integer not null primary key, "expiresAt" date not null, "token" text not null unique, "createdAt" date not null, "updatedAt" date not null, "ipAddress" text, "userAgent" text, "userId" integer not null references "user" ("id") on delete cascade);

create table "account" ("id" integer not null primary key, "accountId" text not null, "providerId" text not null, "userId" integer not null references "user" ("id") on delete cascade, "accessToken" text, "refreshToken" text, "idToken" text, "accessTokenExpiresAt" date, "refreshTokenExpiresAt" date, "scope" text, "password" text, "createdAt" date not null, "updatedAt" date not null);

create table "verification" ("id" integer not null primary key, "identifier" text not null, "value" text not null, "expiresAt" date not null, "createdAt" date not null, "updatedAt" date not null);

create index "session_userId_idx" on "session" ("userId");

create index "account_userId_idx" on "account" ("userId");

create index "verification_identifier_idx" on "verification" ("identifier");

INSERT INTO "user" ("id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt") VALUES (1, 'Ann', 'ann@example.test', 0, NULL, '2026-11-21T22:54:05.760Z', '2026-11-21T22:54:05.760Z');

INSERT INTO "session" ("id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId") VALUES (1, '2026-11-28T22:54:05.840Z', 'QhOnYk0mx2yBzaMTSOdQxJ4zikhN650J', '2026-11-21T22:54:05.840Z', '2026-11-21T22:54:05.840Z', '', '', 1);

INSERT INTO "account" ("id", "accountId", "providerId", "userId", "accessToken", "refreshToken", "idToken", "accessTokenExpiresAt", "refreshTokenExpiresAt", "scope", "password", "createdAt", "updatedAt") VALUES (1, '1', 'credential', 1, NULL, NULL, NULL, NULL, NULL, NULL, 'fb5d598a92c36a4004c468411db3aba2:77767acf7b11fa6af6ca42cfe1ba6e3e505df827be59cbf6993621feeba6c2f2947315e57ce33a81c384b7756ed52e9e436b03d898076077990a5361ab5983b0', '2026-11-21T22:54:05.819Z', '2026-11-21T22:54:05.819Z');
