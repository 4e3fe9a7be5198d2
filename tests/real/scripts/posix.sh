# SPDX-License-Identifier: Apache-2.0
# A POSIX script: functions, options, here-documents, pipes, jobs that are killed and waited for, traps, printf, arithmetic.
set -eu
folder=$1
say() { printf '%s|%05d|%-6s|\n' "$1" "$2" "$3"; }
parse() {
    OPTIND=1
    while getopts ab:c option; do
        case $option in a) echo a ;; b) echo "b $OPTARG" ;; *) echo other ;; esac
    done
    shift $((OPTIND - 1))
    echo "rest $*"
}
parse -a -b value -c these "are left"
turn=0
while [ $turn -lt 25 ]; do
    turn=$((turn + 1))
    say turn $((turn * turn)) "$(printf %s $turn | tr 0-9 a-j)"
    cat <<END | while read -r first rest; do echo "$rest $first"; done
$turn one two
$(wc -l < "$folder/1.txt") lines
END
    cut -d' ' -f$((turn % 8 + 1)) "$folder/$((turn % 5)).txt" | sort | uniq -c | sort -rn | head -2
done
trap 'echo got USR1' USR1
kill -USR1 $$
sleep 600 &
sleeper=$!
kill -TERM $sleeper
# dash tells of the signal only if it waits before the end
wait $sleeper 2> told || echo "sleeper $?"
(trap 'echo ended; exit 7' TERM; echo ready > ready; while :; do sleep 0.05; done) &
looper=$!
until [ -e ready ]; do sleep 0.01; done
kill -TERM $looper
wait $looper || echo "looper $?"
sum=0
for n in 1 2 3 4 5 6 7 8; do (exit $n) & eval "job$n=$!"; done
for n in 8 7 6 5 4 3 2 1; do
    eval "job=\$job$n"
    wait "$job" || sum=$((sum * 10 + $?))
done
echo "$sum"
exec 3> three 4>&1
echo to three >&3
echo to four >&4
exec 3>&- 3< three
read -r back <&3
echo "$back"
umask 027
: > masked
ls -l masked | cut -c1-10
