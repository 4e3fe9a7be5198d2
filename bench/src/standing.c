// SPDX-License-Identifier: Apache-2.0
// standing: looks at the clock all the time, and writes to some of its memory: standing MB [MB_PER_S]. On a line of input it says for how
// many µs it has stood at most since the last one, and how many words of its memory are not what it has written.
#include <poll.h>

#include "written.h"

enum { between_looks_ns = 20000000 };

static size_t wrong_words(struct written const* it) {
    size_t wrong = 0;
    for (size_t i = 0; i < it->pages * words; ++i) wrong += i % words != changed && it->memory[i] != filling(i);
    return wrong;
}

int main(int argc, char** argv) {
    struct written it = fill(argc, argv);
    struct pollfd input = {0, POLLIN, 0};
    int64_t last = now(), looked = last, longest = 0;
    for (;;) {
        int64_t time = now();
        if (time - last > longest) longest = time - last;
        last = time;
        if (time - looked > between_looks_ns) {
            looked = time;
            if (poll(&input, 1, 0) > 0) {
                if (getchar() == EOF) return 0;
                size_t wrong = wrong_words(&it);
                printf("%lld %zu\n", (long long)longest / 1000, wrong);
                fflush(stdout);
                longest = 0;
                looked = now();
                begin_anew(&it, looked);
            }
            last = now();
        }
        write_due(&it, time, 1);
    }
}
