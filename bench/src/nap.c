// SPDX-License-Identifier: Apache-2.0
// nap: computes the same again and again, and sleeps in between: `nap PER_SECOND ROUNDS`. What its
// longest turn has more than the others is the machine's.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    struct timespec const rest = {0, 1000000000l / strtol(argv[1], 0, 10)};
    uint64_t const rounds = strtoull(argv[2], 0, 10);
    uint64_t volatile result = 1;
    setvbuf(stdout, 0, _IOLBF, 0);
    printf("ready\n");
    for (;;) {
        uint64_t x = result;
        for (uint64_t i = 0; i < rounds; ++i)
            x = x * 6364136223846793005ull + 1442695040888963407ull;
        result = x;
        (void)nanosleep(&rest, 0);
    }
}
