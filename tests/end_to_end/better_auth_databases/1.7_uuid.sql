-- Better Auth 1.7.25, ids: uuid

create table "user" ("id" uuid default pg_catalog.gen_random_uuid() not null primary key, "name" text not null, "email" text not null unique, "emailVerified" boolean not null, "image" text, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz default CURRENT_TIMESTAMP not null);

create table "session" ("id" uuid default pg_catalog.gen_random_uuid() not null primary key, "expiresAt" timestamptz not null, "token" text not null unique, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz not null, "ipAddress" text, "userAgent" text, "userId" uuid not null references "user" ("id") on delete cascade);

create table "account" ("id" uuid default pg_catalog.gen_random_uuid() not null primary key, "accountId" text not null, "providerId" text not null, "userId" uuid not null references "user" ("id") on delete cascade, "accessToken" text, "refreshToken" text, "idToken" text, "accessTokenExpiresAt" timestamptz, "refreshTokenExpiresAt" timestamptz, "scope" text, "password" text, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz not null);

create table "verification" ("id" uuid default pg_catalog.gen_random_uuid() not null primary key, "identifier" text not null, "value" text not null, "expiresAt" timestamptz not null, "createdAt" timestamptz default CURRENT_TIMESTAMP not null, "updatedAt" timestamptz default CURRENT_TIMESTAMP not null);

create index "session_userId_idx" on "session" ("userId");

create index "account_userId_idx" on "account" ("userId");

create index "verification_identifier_idx" on "verification" ("identifier");

INSERT INTO "user" ("id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt") VALUES ('2329dbb5-8579-44a2-bfbb-4f8d1ac9e3b5', 'Ann', 'ann@example.test', 'f', NULL, '2026-11-21 22:53:46.526+00', '2026-11-21 22:53:46.526+00');

INSERT INTO "session" ("id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId") VALUES ('6204e5b5-2c09-4711-b3a9-153d70217e3e', '2026-11-28 22:53:46.63+00', 'rynSLEDQzgnQlZZ7nQui0soYy7FJIdKQ', '2026-11-21 22:53:46.631+00', '2026-11-21 22:53:46.631+00', '', '', '2329dbb5-8579-44a2-bfbb-4f8d1ac9e3b5');

INSERT INTO "account" ("id", "accountId", "providerId", "userId", "accessToken", "refreshToken", "idToken", "accessTokenExpiresAt", "refreshTokenExpiresAt", "scope", "password", "createdAt", "updatedAt") VALUES ('ffa70ec0-dcc0-46f3-b1aa-1dee2c89df20', '2329dbb5-8579-44a2-bfbb-4f8d1ac9e3b5', 'credential', '2329dbb5-8579-44a2-bfbb-4f8d1ac9e3b5', NULL, NULL, NULL, NULL, NULL, NULL, '3e23516e92f56433fae421fa62861299:e31ef4986e5466d0b1f4b375f16ba0e1263dfb3bd4bf5948f66a8a9e5bc3804eeeec85c53ee08d4c62671326e85155bae0462e699b4b7b568c234851a368e740', '2026-11-21 22:53:46.59+00', '2026-11-21 22:53:46.59+00');
