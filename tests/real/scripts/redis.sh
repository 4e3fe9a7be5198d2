# SPDX-License-Identifier: Apache-2.0
# redis-server, which is the process that is moved, serves redis-benchmark and redis-cli; then its data must be what was put in.
set -eu
redis-server --port 0 --unixsocket redis.sock --save '' --appendonly yes --appendfsync everysec --enable-debug-command yes --daemonize no > server.log 2>&1 &
server=$!
[ -z "${GUEST_GATE:-}" ] || echo "$server 0" > "$GUEST_GATE/rounds"
ask() { redis-cli -s redis.sock "$@"; }
until ask ping > /dev/null 2>&1; do kill -0 "$server"; done
redis-benchmark -s redis.sock -c 10 -n 20000 -q -t set,get,incr,lpush,lrange_100,mset > benchmark.log 2>&1
grep -c 'requests per second' benchmark.log
ask flushall
for k in $(seq 400); do echo "set key:$k value-$((k * k))"; echo "rpush list $k"; echo "hset hash field$k $((k * 3))"; done | ask > /dev/null
ask get key:77
ask llen list
ask lrange list 5 8
ask hget hash field123
ask eval 'local s = 0 for k = 1, 400 do s = s + redis.call("hget", KEYS[1], "field" .. k) end return s' 1 hash
ask debug digest
ask shutdown nosave || true
wait "$server" && echo "server ended with 0"
