// SPDX-License-Identifier: Apache-2.0
// memory_shared_file: a file that is mapped shared and read-only shows what others write to it, at once.
// may: stay home
#include "guest.h"

static void write_number(int number) {
    int fd = must(open("shared", O_WRONLY));
    equal(pwrite(fd, &number, sizeof number, 4096), sizeof number);
    must(close(fd));
}
int main(void) {
    int fd = must(open("shared", O_RDWR | O_CREAT | O_TRUNC, 0600));
    must(ftruncate(fd, 8192));
    must(close(fd));
    fd = must(open("shared", O_RDONLY));
    int ask[2], tell[2];
    must(pipe(ask));
    must(pipe(tell));
    pid_t child = must(fork());
    if (child == 0) {
        int number;
        close(ask[1]);
        while (read(ask[0], &number, sizeof number) == sizeof number) {
            write_number(number);
            must(write(tell[1], "k", 1));
        }
        _exit(0);
    }
    close(ask[0]);
    for (int i = 1; again(i - 1, 20); i++) {
        volatile int* shown = must(mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0));
        char c;
        spin(20000);
        must(write(ask[1], &i, sizeof i));
        equal(read(tell[0], &c, 1), 1);
        equal(shown[1024], i);
        write_number(-i); // and by itself
        equal(shown[1024], -i);
        must(munmap((void*)shown, 8192));
    }
    close(ask[1]);
    wait_for(child);
    pass();
}
