#!/bin/sh
# Makes the secrets that docker-compose.yml mounts, each once; what is there stays. The folder is closed to others, and the
# files are readable because the containers, which are not this user, read them through their mounts.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets
chmod 700 secrets

random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
keep() { [ -e "secrets/$1" ] || { printf '%s' "$2" > "secrets/$1"; echo "made deploy/secrets/$1"; }; chmod 444 "secrets/$1"; }

keep postgres_password "$(random)"
keep redis_password "$(random)"
keep auth_secret "$(random)"
keep vault_keys "$(random)"
keep admin_password "$(random | cut -c1-24)"
keep database_url "postgresql://agents:$(cat secrets/postgres_password)@postgres:5432/agents"
keep redis_url "redis://:$(cat secrets/redis_password)@redis:6379/0"
# The models: a JSON list, such as [{"name": "gpt", "model": "gpt-4o-mini", "api_key": "…"}]. See docs/configuration.md.
keep model_list "[]"
echo "The administrator's password is in deploy/secrets/admin_password; write your models into deploy/secrets/model_list."
