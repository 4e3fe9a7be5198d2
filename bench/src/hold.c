// SPDX-License-Identifier: Apache-2.0
// hold: has MB of memory with something in it, and sleeps until it is killed.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char** argv) {
    size_t size = (argc > 1 ? strtoull(argv[1], 0, 10) : 1) << 20;
    uint64_t* memory = malloc(size);
    for (size_t i = 0; i < size / 8; ++i) memory[i] = i * 0x9e3779b97f4a7c15ull + 1;
    printf("ready\n");
    fflush(stdout);
    for (;;) pause();
}
