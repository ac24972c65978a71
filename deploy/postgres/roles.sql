-- gatehouse_owner owns the tables and changes them (`gatehouse migrate`); gatehouse, which the gateway is, reads and writes rows.
-- LISTEN, NOTIFY and advisory locks need no right.
\set ON_ERROR_STOP on
\set owner_password `cat /run/secrets/owner_password`
\set gateway_password `cat /run/secrets/gateway_password`

SELECT 'CREATE ROLE ' || name FROM unnest('{gatehouse_owner,gatehouse}'::text[]) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE gatehouse_owner LOGIN PASSWORD :'owner_password';
ALTER ROLE gatehouse LOGIN PASSWORD :'gateway_password';

SELECT 'CREATE DATABASE gatehouse OWNER gatehouse_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'gatehouse') \gexec
REVOKE ALL ON DATABASE gatehouse, postgres FROM PUBLIC;
GRANT CONNECT ON DATABASE gatehouse TO gatehouse;

\connect gatehouse
GRANT USAGE ON SCHEMA public TO gatehouse;
ALTER DEFAULT PRIVILEGES FOR ROLE gatehouse_owner IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO gatehouse;
