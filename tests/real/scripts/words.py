# SPDX-License-Identifier: Apache-2.0
"""Reads text files, counts, compresses, writes and reads back, computes; prints digests. No other process."""
import collections, decimal, hashlib, json, math, os, re, sys, zlib

folder = sys.argv[1]
total = collections.Counter()
for turn in range(int(sys.argv[2])):
    counts = collections.Counter()
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            for line in file:
                counts.update(re.findall(r"[a-z]+", line))
    total += counts
    packed = zlib.compress(json.dumps(sorted(counts.items())).encode(), 6)
    with open(f"packed.{turn}", "wb") as file:
        file.write(packed)
    with open(f"packed.{turn}", "rb") as file:
        assert json.loads(zlib.decompress(file.read())) == [list(item) for item in sorted(counts.items())]
    decimal.getcontext().prec = 60 + turn
    root = decimal.Decimal(turn + 2).sqrt()
    wave = math.fsum(math.sin(k / 7) * math.exp(-k / 5000) for k in range(20000))
    print(turn, len(counts), hashlib.sha256(packed).hexdigest()[:16], str(root)[:50], repr(wave))
    sys.stdout.flush()
print(total.most_common(5), sorted(os.listdir("."))[:3])
try:
    open("/does/not/exist")
except FileNotFoundError as error:
    print(type(error).__name__, error.errno)
