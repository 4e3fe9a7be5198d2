# SPDX-License-Identifier: Apache-2.0
# Data in redis-server, snapshots (a fork) while they are changed, its log written anew, an end and a new start.
set -eu
start() {
    redis-server --port 0 --unixsocket redis.sock --save '' --appendonly yes --appendfsync everysec --enable-debug-command yes --daemonize no >> server.log 2>&1 &
    server=$!
    until ask ping > /dev/null 2>&1; do kill -0 "$server"; sleep 0.05; done
}
ask() { redis-cli -s redis.sock "$@"; }
finished() { while ask info persistence | grep -q "$1:1"; do sleep 0.1; done; ask info persistence | tr -d '\r' | grep "$2"; }
fill() { seq "$1" "$2" | awk '{ print "set key:" $1 " " $1 * $1; print "zadd set " $1 % 101 " m" $1; print "rpush list:" $1 % 7 " " $1; print "hset hash f" $1 % 50 " " $1 }' | ask > filled; sort filled | uniq -c | sort -rn | head -1; }
start
fill 1 3000
ask bgsave
fill 3001 4000
finished rdb_bgsave_in_progress rdb_last_bgsave_status
redis-check-rdb dump.rdb | grep -c 'RDB looks OK'
ask bgrewriteaof
fill 4001 5000
finished aof_rewrite_in_progress aof_last_bgrewrite_status
before=$(ask debug digest)
ask dbsize
ask shutdown || true
wait "$server"
start
[ "$before" = "$(ask debug digest)" ] && echo "the same after the log was read: $before"
ask zcard set
ask lrange list:3 -3 -1
ask shutdown nosave || true
wait "$server"
echo "ended with $?"
