-- Tells the gateways what anybody changes: notifications on the channel gatehouse_OID (of the schema that has the table), in the
-- transaction that changes the row. What they say is in gateway/storage/change_feed.hpp:
--   e TOKEN   the session has ended; its token opens nothing any more
--   s USER    a session of the user ends sooner, or the user is gone
--   u USER    the user or a session of the user was changed
--   a         anything may have changed
-- Never a token that still opens something. Rows that had expired are deleted in silence, so that a purge tells nothing; more than
-- 1,000 rows of one statement are told as `a`. search_path is set because writers have any.
CREATE OR REPLACE FUNCTION gatehouse_tell_changes() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  channel text := 'gatehouse_' || (SELECT relnamespace FROM pg_class WHERE oid = TG_RELID);
  changes text[] := '{a}';
BEGIN
  IF TG_ARGV[0] = 'session' AND TG_OP = 'DELETE' THEN
    -- The epoch of a timestamp without a zone is that of UTC, which is how the gateway reads it. Five minutes: clocks differ.
    changes := ARRAY(SELECT 'e ' || b."token" FROM before b
                     WHERE extract(epoch FROM b."expiresAt") > extract(epoch FROM now()) - 300 LIMIT 1001);
  ELSIF TG_ARGV[0] = 'session' AND TG_OP = 'UPDATE' THEN
    changes := ARRAY(SELECT DISTINCT CASE
                       WHEN a."id" IS NULL THEN 'a'
                       WHEN a."token" <> b."token" THEN 'e ' || b."token"
                       WHEN extract(epoch FROM a."expiresAt") <= extract(epoch FROM now()) THEN 'e ' || b."token"
                       WHEN a."expiresAt" < b."expiresAt" OR a."userId" <> b."userId" THEN 's ' || b."userId"
                       ELSE 'u ' || b."userId" END
                     FROM before b LEFT JOIN after a ON a."id" = b."id" LIMIT 1001);
  ELSIF TG_ARGV[0] = 'user' AND TG_OP = 'DELETE' THEN
    changes := ARRAY(SELECT 's ' || b."id" FROM before b LIMIT 1001);
  ELSIF TG_ARGV[0] = 'user' AND TG_OP = 'UPDATE' THEN
    changes := ARRAY(SELECT DISTINCT 'u ' || b."id" FROM before b LIMIT 1001);
  END IF;
  IF cardinality(changes) > 1000 THEN
    changes := '{a}';
  END IF;
  -- A longer payload would fail the writer's statement.
  PERFORM pg_notify(channel, CASE WHEN octet_length(change) < 8000 THEN change ELSE 'a' END) FROM unnest(changes) AS change;
  RETURN NULL;
END $$;

-- The tables in the order in which sign-up locks them. Made only where they are missing: even looking for one to drop would wait for all
-- readers.
DO $$
DECLARE
  made record;
BEGIN
  FOR made IN
    SELECT * FROM (VALUES
      ('user', 'gatehouse_user_updated', 'UPDATE', 'REFERENCING OLD TABLE AS before'),
      ('user', 'gatehouse_user_deleted', 'DELETE', 'REFERENCING OLD TABLE AS before'),
      ('user', 'gatehouse_user_truncated', 'TRUNCATE', ''),
      ('session', 'gatehouse_session_updated', 'UPDATE', 'REFERENCING OLD TABLE AS before NEW TABLE AS after'),
      ('session', 'gatehouse_session_deleted', 'DELETE', 'REFERENCING OLD TABLE AS before'),
      ('session', 'gatehouse_session_truncated', 'TRUNCATE', '')
    ) AS wanted (table_name, trigger_name, event, transition_tables)
  LOOP
    IF NOT EXISTS (SELECT FROM pg_trigger
                   WHERE tgrelid = quote_ident(made.table_name)::regclass AND tgname = made.trigger_name) THEN
      EXECUTE format('CREATE TRIGGER %I AFTER %s ON %I %s FOR EACH STATEMENT EXECUTE FUNCTION gatehouse_tell_changes(%L)',
                     made.trigger_name, made.event, made.table_name, made.transition_tables, made.table_name);
    END IF;
  END LOOP;
END $$;
