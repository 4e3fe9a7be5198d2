// SPDX-License-Identifier: Apache-2.0
// dirty: has MB of memory with something in it, of which it writes to some pages in each second: dirty MB [MB_PER_S].
// On a line of input it writes to every N-th page once, where N is what the line says.
#include <poll.h>

#include "written.h"

int main(int argc, char** argv) {
    struct written it = fill(argc, argv);
    struct pollfd input = {0, POLLIN, 0};
    for (;;) {
        if (poll(&input, 1, it.per_s ? 1 : -1) > 0) {
            unsigned every = 0;
            if (scanf("%u", &every) != 1 || every == 0) return 0;
            for (size_t i = 0; i < it.pages; i += every) ++it.memory[i * words];
            printf("1\n");
            fflush(stdout);
        }
        write_due(&it, now(), UINT64_MAX);
    }
}
