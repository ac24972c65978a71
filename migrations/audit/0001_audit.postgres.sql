-- The audit trail (docs/features/audit.md). Nothing refers to it and it refers to nothing: it outlives the users that it is about.
CREATE TABLE IF NOT EXISTS "gatehouse_audit" (
  "entry" text NOT NULL PRIMARY KEY,
  "time" timestamptz NOT NULL,
  "event" text NOT NULL,
  "outcome" text NOT NULL,
  "reason" text,
  "actor" text,
  "target" text,
  "address" text,
  "userAgent" text,
  "requestId" text,
  "detail" text
);

CREATE INDEX IF NOT EXISTS "gatehouse_audit_time_idx" ON "gatehouse_audit" ("time");

CREATE INDEX IF NOT EXISTS "gatehouse_audit_actor_idx" ON "gatehouse_audit" ("actor");

CREATE INDEX IF NOT EXISTS "gatehouse_audit_target_idx" ON "gatehouse_audit" ("target");
