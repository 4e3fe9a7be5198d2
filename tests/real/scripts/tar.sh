# SPDX-License-Identifier: Apache-2.0
# Packs a tree in three ways, unpacks it again, compares. Names, owners and dates in it are fixed.
set -eu
mkdir tree
for n in 1 2 3 4 5 6; do mkdir -p "tree/$n/deep"; cp texts/*.txt "tree/$n"; ln -s ../1.txt "tree/$n/deep/link"; ln "tree/$n/2.txt" "tree/$n/deep/hard"; done
cp big tree
fixed='--sort=name --mtime=@1700000000 --owner=0 --group=0 --numeric-owner'
tar $fixed -cf - tree | xz -T2 -3 --block-size=1000000 > tree.tar.xz
tar $fixed -I 'zstd -T2 -9' -cf tree.tar.zst tree
tar $fixed -czf tree.tar.gz tree
for pack in tree.tar.xz tree.tar.zst tree.tar.gz; do
    mkdir "from-${pack##*.}"
    tar -xf "$pack" -C "from-${pack##*.}"
    diff -r tree "from-${pack##*.}/tree" && echo "$pack is whole"
    tar -tvf "$pack" | sha256sum
done
xz -t tree.tar.xz && zstd -q -t tree.tar.zst && gzip -t tree.tar.gz && echo tested
