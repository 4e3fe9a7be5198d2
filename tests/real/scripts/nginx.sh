# SPDX-License-Identifier: Apache-2.0
# nginx in the foreground with a master and two workers; `fetch.py` tells a free port and compares what is served.
set -eu
fetch=$1
port=$(python3 "$fetch" port)
mkdir -p logs parts www
cp texts/* www
cat > nginx.conf <<END
daemon off;
user root;
worker_processes 2;
pid nginx.pid;
error_log logs/error.log info;
events { worker_connections 256; }
http {
    access_log logs/access.log;
    client_body_temp_path parts/body; proxy_temp_path parts/proxy; fastcgi_temp_path parts/fastcgi;
    uwsgi_temp_path parts/uwsgi; scgi_temp_path parts/scgi;
    limit_req_zone \$binary_remote_addr zone=all:1m rate=100000r/s;
    gzip on; gzip_min_length 100; gzip_types text/plain;
    server {
        listen 127.0.0.1:$port;
        root www;
        limit_req zone=all burst=10000 nodelay;
        location /hello { return 200 "hello\n"; }
        location /proxy/ { proxy_pass http://127.0.0.1:$port/; }
    }
}
END
nginx -p "$PWD" -c nginx.conf 2> logs/said &
server=$!
python3 "$fetch" await "$port"
wrk -t2 -c20 -d2s --timeout 120s "http://127.0.0.1:$port/0.txt" > wrk.log
grep -c 'Requests/sec' wrk.log
grep -E 'Non-2xx|Socket errors: (connect [1-9]|connect 0, read [1-9]|connect 0, read 0, write [1-9])' wrk.log || echo 'no errors'
python3 "$fetch" all "$port" www
kill -HUP "$server"
python3 "$fetch" all "$port" www
kill -QUIT "$server"
wait "$server"
echo "ended with $?"
awk '$9 != 200 && $9 != 499' logs/access.log | grep -vc await || true
grep -cE '\[(alert|crit|emerg)\]' logs/error.log || true
