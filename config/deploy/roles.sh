#!/bin/sh
# Run once by PostgreSQL's container in an empty volume: the role under which the portal works.
# It owns nothing; `manage.py grant_app_role` gives it rights on the tables after each migration.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set password="$(cat "$PORTAL_APP_PASSWORD_FILE")" <<'SQL'
CREATE ROLE portal_app LOGIN PASSWORD :'password';
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
SQL
