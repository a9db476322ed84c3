-- What Chargehand needs: a role that owns one schema, and nothing else.
CREATE ROLE chargehand LOGIN PASSWORD :'password';
CREATE DATABASE chargehand;
REVOKE ALL ON DATABASE chargehand FROM PUBLIC;
GRANT CONNECT ON DATABASE chargehand TO chargehand;
\connect chargehand
CREATE SCHEMA chargehand AUTHORIZATION chargehand;
