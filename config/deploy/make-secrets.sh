#!/bin/sh
# Makes ./secrets for docker-compose.yml. Existing files stay as they are, so a second call changes nothing.
# TLS: put the county's own certificate and key into secrets/tls_certificate and secrets/tls_key.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p secrets
chmod 700 secrets
secret() { [ -s "secrets/$1" ] || LC_ALL=C tr -dc 'A-Za-z0-9' < /dev/urandom | head -c 64 > "secrets/$1"; }
for name in secret_key field_key index_key audit_key postgres_password postgres_app_password redis_password; do
    secret "$name"
done
text() { [ -s "secrets/$1" ] || printf '%s' "$2" > "secrets/$1"; }
text database_owner_url "postgres://portal:$(cat secrets/postgres_password)@postgres:5432/portal"
text database_url "postgres://portal_app:$(cat secrets/postgres_app_password)@postgres:5432/portal"
text redis_url "redis://:$(cat secrets/redis_password)@redis:6379/0"
# The containers read these files as users of their own; the folder is closed to everybody else.
chmod 444 secrets/*
for name in tls_certificate tls_key; do
    [ -s "secrets/$name" ] || echo "Still needed: secrets/$name"
done
