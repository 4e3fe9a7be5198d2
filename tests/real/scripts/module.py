# SPDX-License-Identifier: Apache-2.0
"""Writes a C source of many functions, the same every time: something for a compiler to do."""
import random

random_ = random.Random(5)
print("#include <stdio.h>\n#include <string.h>\n#include <math.h>")
for n in range(250):
    a, b, c = (random_.randrange(3, 1000) for _ in range(3))
    print(f"static unsigned f{n}(unsigned x, unsigned char* p) {{ unsigned s = x; for (unsigned i = 0; i < {a}; i++) {{"
          f" s = s * {b}u + (i ^ p[i % 64]); switch (s % 7) {{ case 0: s += {c}; break; case 3: s ^= s >> {1 + c % 30}; break;"
          f" case 5: p[s % 64] = (unsigned char)s; }} }} return s; }}")
print("int main(void) { unsigned char p[64]; memset(p, 7, sizeof p); unsigned s = 1;")
for n in range(250):
    print(f"  s += f{n}(s, p);")
print('  printf("%u %.3f\\n", s, sqrt(s)); return 0; }')
