-- Counters of the auth endpoints, where `auth.rate_limit.storage` is `database`: what Better Auth's own migration makes then.
CREATE TABLE IF NOT EXISTS "rateLimit" (
  "id" text NOT NULL PRIMARY KEY,
  "key" text NOT NULL UNIQUE,
  "count" integer NOT NULL,
  "lastRequest" bigint NOT NULL
);

-- Fails, and with it the migration, where a table of that name is not Better Auth's.
SELECT "id", "key", "count", "lastRequest" FROM "rateLimit" LIMIT 0;
