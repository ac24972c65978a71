-- The tables of Better Auth 1.7: what its own migration makes, so that a Node server beside us finds them as it expects.
CREATE TABLE IF NOT EXISTS "user" (
  "id" text NOT NULL PRIMARY KEY,
  "name" text NOT NULL,
  "email" text NOT NULL UNIQUE,
  "emailVerified" boolean NOT NULL,
  "image" text,
  "createdAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL,
  "updatedAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL
);

CREATE TABLE IF NOT EXISTS "session" (
  "id" text NOT NULL PRIMARY KEY,
  "expiresAt" timestamptz NOT NULL,
  "token" text NOT NULL UNIQUE,
  "createdAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL,
  "updatedAt" timestamptz NOT NULL,
  "ipAddress" text,
  "userAgent" text,
  "userId" text NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE
);

CREATE TABLE IF NOT EXISTS "account" (
  "id" text NOT NULL PRIMARY KEY,
  "accountId" text NOT NULL,
  "providerId" text NOT NULL,
  "userId" text NOT NULL REFERENCES "user" ("id") ON DELETE CASCADE,
  "accessToken" text,
  "refreshToken" text,
  "idToken" text,
  "accessTokenExpiresAt" timestamptz,
  "refreshTokenExpiresAt" timestamptz,
  "scope" text,
  "password" text,
  "createdAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL,
  "updatedAt" timestamptz NOT NULL
);

CREATE TABLE IF NOT EXISTS "verification" (
  "id" text NOT NULL PRIMARY KEY,
  "identifier" text NOT NULL,
  "value" text NOT NULL,
  "expiresAt" timestamptz NOT NULL,
  "createdAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL,
  "updatedAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL
);

-- For a database that an older release made.
ALTER TABLE "user" ADD COLUMN IF NOT EXISTS "image" text;

ALTER TABLE "session" ADD COLUMN IF NOT EXISTS "ipAddress" text;

ALTER TABLE "session" ADD COLUMN IF NOT EXISTS "userAgent" text;

ALTER TABLE "session" ADD COLUMN IF NOT EXISTS "createdAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL;

ALTER TABLE "session" ADD COLUMN IF NOT EXISTS "updatedAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL;

ALTER TABLE "account" ADD COLUMN IF NOT EXISTS "accessToken" text;

ALTER TABLE "account" ADD COLUMN IF NOT EXISTS "refreshToken" text;

ALTER TABLE "account" ADD COLUMN IF NOT EXISTS "idToken" text;

ALTER TABLE "account" ADD COLUMN IF NOT EXISTS "accessTokenExpiresAt" timestamptz;

ALTER TABLE "account" ADD COLUMN IF NOT EXISTS "refreshTokenExpiresAt" timestamptz;

ALTER TABLE "account" ADD COLUMN IF NOT EXISTS "scope" text;

ALTER TABLE "account" ADD COLUMN IF NOT EXISTS "password" text;

ALTER TABLE "account" ADD COLUMN IF NOT EXISTS "createdAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL;

ALTER TABLE "account" ADD COLUMN IF NOT EXISTS "updatedAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL;

ALTER TABLE "verification" ADD COLUMN IF NOT EXISTS "createdAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL;

ALTER TABLE "verification" ADD COLUMN IF NOT EXISTS "updatedAt" timestamptz DEFAULT CURRENT_TIMESTAMP NOT NULL;

CREATE INDEX IF NOT EXISTS "session_userId_idx" ON "session" ("userId");

CREATE INDEX IF NOT EXISTS "account_userId_idx" ON "account" ("userId");

CREATE INDEX IF NOT EXISTS "verification_identifier_idx" ON "verification" ("identifier");

-- Fails, and with it the migration, where a table of that name is not one of Better Auth's.
SELECT "id", "name", "email", "emailVerified", "image", "createdAt", "updatedAt" FROM "user" LIMIT 0;

SELECT "id", "expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId" FROM "session" LIMIT 0;

SELECT "id", "accountId", "providerId", "userId", "accessToken", "refreshToken", "idToken", "accessTokenExpiresAt", "refreshTokenExpiresAt", "scope", "password", "createdAt", "updatedAt" FROM "account" LIMIT 0;

SELECT "id", "identifier", "value", "expiresAt", "createdAt", "updatedAt" FROM "verification" LIMIT 0;
