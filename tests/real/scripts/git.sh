# SPDX-License-Identifier: Apache-2.0
# Commits, branches, merges, packs, clones, checks. Dates and names are fixed, so are the names of all objects.
set -eu
export GIT_CONFIG_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 GIT_PAGER=cat
export GIT_AUTHOR_NAME=Author GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=Committer GIT_COMMITTER_EMAIL=c@example.org
export GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z'
git init -q -b main origin
cd origin
git config gc.auto 0
cp ../texts/*.txt .
for n in $(seq 8); do
    sed -i "$((n * 11))s/\$/ change $n/" "$((n % 5)).txt"
    git add -A
    git commit -q -m "change $n"
done
git checkout -q -b side HEAD~3
for n in $(seq 3); do
    echo "side $n" >> side.txt
    git add side.txt
    git commit -q -m "side $n"
done
git checkout -q main
git merge -q --no-edit -m merge side
git tag -a -m 'a tag' first
git log --format='%H %s' --graph
git gc -q --prune=now
git fsck --strict --no-progress
cd ..
git clone -q --no-local origin copy
cd copy
git log -1 --format='%H %T'
git diff --stat HEAD~4 HEAD
git blame -s 3.txt | grep -c ' ' 
git grep -c change | sort
git rebase -q --onto HEAD~2 HEAD~1
git status --short --branch
git archive --format=tar HEAD | sha256sum
git count-objects -v | grep -E '^(in-pack|packs|garbage)'
