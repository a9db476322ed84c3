-- What Chargehand needs: a role that owns one schema, and nothing else.
CREATE ROLE chargehand LOGIN PASSWORD :'password';
CREATE DATABASE chargehand;
REVOKE ALL ON DATABASE chargehand FROM PUBLIC;
GRANT CONNECT ON DATABASE chargehand TO chargehand;
-- At the same server: a standby may not know the new database yet.
\connect chargehand - :HOST :PORT
CREATE SCHEMA chargehand AUTHORIZATION chargehand;
