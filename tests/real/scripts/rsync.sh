# SPDX-License-Identifier: Apache-2.0
# A copy, a second one after changes, with deltas and deletions; then the same from a server on loopback.
set -eu
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir -p from/deep
cp texts/*.txt from
cp big from/deep
rsync -a from/ copy/
diff -r from copy && echo same
sed -i '5s/.*/changed/' from/3.txt
printf x | dd of=from/deep/big bs=1 seek=100000 conv=notrunc status=none
rm from/1.txt
rsync -rlp --checksum --no-whole-file --delete --itemize-changes from/ copy/
diff -r from copy && echo same again
cat > rsyncd.conf <<END
use chroot = no
pid file = $PWD/rsyncd.pid
log file = $PWD/rsyncd.log
port = $port
address = 127.0.0.1
[tree]
path = $PWD/from
read only = yes
END
rsync --daemon --no-detach --config=rsyncd.conf &
server=$!
until rsync "rsync://127.0.0.1:$port/" > modules 2> said; do kill -0 "$server"; sleep 0.1; done
cat modules
rsync -az "rsync://127.0.0.1:$port/tree/" remote/
diff -r from remote && echo 'same from a server'
kill "$server"
wait "$server" || echo "server $?"
