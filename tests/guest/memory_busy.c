// SPDX-License-Identifier: Apache-2.0
// memory_busy: 24 MB, of which some is always being written, by the program and by read(2): what is looked at a moment later is what
// was written last, wherever moves strike. What it must be follows from the number of the round.
#include "guest.h"

enum { page = 4096, count = 6144 };

// A page is written every n-th round, most of them seldom.
static long every(int which) { return which % 16 == 0 ? 1 : 2 + which % 61; }
static unsigned value(long round, int which) { return (unsigned)(round - round % every(which)) * 2654435761u + (unsigned)which; }

int main(void) {
    unsigned char* memory = must(mmap(NULL, (size_t)count * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    int bytes = must(open("bytes", O_RDWR | O_CREAT | O_TRUNC, 0600));
    for (long i = 0; again(i, 60); i++) {
        for (int k = 0; k < count; k++) {
            unsigned now = value(i, k), *at = (unsigned*)(memory + (size_t)k * page + k % 1000 * 4);
            if (i % every(k) != 0) {
                equal(*at, now);
            } else if (k % 512 == 0) {
                equal(pwrite(bytes, &now, sizeof now, 0), (long)sizeof now);
                equal(pread(bytes, at, sizeof now, 0), (long)sizeof now);
            } else {
                *at = now;
            }
        }
        spin(100000);
    }
    pass();
}
