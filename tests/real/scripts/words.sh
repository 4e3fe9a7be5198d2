# SPDX-License-Identifier: Apache-2.0
# A bash script as people write them: loops, pipes, subshells, here-documents, traps, background jobs, command substitution.
set -eu
folder=$1 turns=$2
trap 'echo leaving; rm -f left' EXIT
touch left
for turn in $(seq "$turns"); do
    cat "$folder"/* | tr -cs 'a-z' '\n' | sort | uniq -c | sort -k1,1nr -k2 | head -3
    sum=0
    while read -r count word; do sum=$((sum * 7 + count + ${#word})); done < <(sort "$folder/0.txt" | cut -c1-9 | uniq -c | head -50)
    echo "turn $turn sum $sum"
    (cd "$folder" && wc -c ./*.txt) | awk '{ s += $1 } END { print s }'
    cat > "here.$turn" <<END
turn $turn of $turns
END
    wc -l < "here.$turn"
done
false || echo "status $?"
for n in 1 2 3; do (exit "$n") & done
wait %1 || echo "first $?"
wait
[[ -e left ]] && echo present
