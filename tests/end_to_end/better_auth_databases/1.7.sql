-- Better Auth 1.7.25, ids: text

create table "user" ("id" text not null primary key, "name" text not null, "email" text not null unique, "emailVerified" boolean not null, "image" text, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz default CURRENT_TIMESTAMP not null);

create table "session" ("id" text not null primary key, "expiresAt" timestamptz not null, "token" text not null unique, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz not null, "ipAddress" text, "userAgent" text, "userId" text not null references "user" ("id") on delete cascade);

create table "account" ("id" text not null primary key, "accountId" text not null, "providerId" text not null, "userId" text not null references "user" ("id") on delete cascade, "accessToken" text, "refreshToken" text, "idToken" text, "accessTokenExpiresAt" timestamptz, "refreshTokenExpiresAt" timestamptz, "scope" text, "password" text, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz not null);

create table "verification" ("id" text not null primary key, "identifier" text not null, "value" text not null, "expiresAt" timestamptz not null, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz default CURRENT_TIMESTAMP not null);

create index "session_userId_idx" on "session" ("userId");

create index "account_userId_idx" on "account" ("userId");

create index "verification_identifier_idx" on "verification" ("identifier");

INSERT INTO "user" ("id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt") VALUES ('5rhePvJAJIoRJWk07NMddl7Xh3r8AsRn', 'Ann', 'ann@example.test', 'f', NULL, '2026-11-21 22:53:35.786+00', '2026-11-21 22:53:35.786+00');

INSERT INTO "session" ("id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId") VALUES ('hsCzNim5GsFaF8DP3U17mRb1DLZrm45Z', '2026-11-28 22:53:35.882+00', 'jivPQleyyOEkYzwh1BFor1aiZPJa1UQc', '2026-11-21 22:53:35.882+00', '2026-11-21 22:53:35.882+00', '', '', '5rhePvJAJIoRJWk07NMddl7Xh3r8AsRn');

INSERT INTO "account" ("id", "accountId", "providerId", "userId", "accessToken", "refreshToken", "idToken", "accessTokenExpiresAt", "refreshTokenExpiresAt", "scope", "password", "createdAt", "updatedAt") VALUES ('3JBbAGLOpimQTgaTIOo1ni4Hr043B9Qh', '5rhePvJAJIoRJWk07NMddl7Xh3r8AsRn', 'credential', '5rhePvJAJIoRJWk07NMddl7Xh3r8AsRn', NULL, NULL, NULL, NULL, NULL, NULL, '0562f2b15d497ae40d9b0caf8a448992:b4ca32d679aa92582c5f91b3b743683d9a88ad64b594e3f250d88b687805553dd535254e40b24719e437528accbc108293d12e3b31657b75fa8610bb4af12696', '2026-11-21 22:53:35.846+00', '2026-11-21 22:53:35.846+00');
