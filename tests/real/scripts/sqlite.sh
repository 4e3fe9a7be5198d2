# SPDX-License-Identifier: Apache-2.0
# Three writers at once, whose rows must all be there; once with a rollback journal, once with a write-ahead log, whose index is shared memory.
set -eu
for journal in delete wal; do
    sqlite3 "$journal.db" "pragma journal_mode = $journal; create table item(writer int, n int, text text, unique(writer, n));"
    for writer in 1 2 3; do
        {
            echo '.timeout 240000'
            for n in $(seq 0 25 150); do
                echo 'begin immediate;'
                for k in $(seq 0 24); do echo "insert into item values($writer, $((n + k)), printf('%0200d', $((n * k))));"; done
                echo 'commit;'
                echo "update item set text = text || '.' where writer = $writer and n = $n;"
            done
        } | sqlite3 "$journal.db" &
        eval "writer$writer=$!"
    done
    for writer in 1 2 3; do
        eval "wait \$writer$writer"
    done
    sqlite3 "$journal.db" 'select writer, count(*), sum(n), sum(length(text)) from item group by writer order by writer; pragma integrity_check;'
done
sqlite3 wal.db '.dump' | sed 's/INSERT INTO item VALUES(\([0-9]*\),\([0-9]*\).*/\1 \2/' | sort | sha256sum
