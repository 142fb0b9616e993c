#!/bin/sh
# The password comes by standard input, not as an argument that `ps` would show.
set -eu
exec valkey-server - <<EOF
bind * -::*
port 6379
dir /data
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
requirepass $(cat /run/secrets/redis_password)
EOF
