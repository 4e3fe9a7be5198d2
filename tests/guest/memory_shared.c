// SPDX-License-Identifier: Apache-2.0
// memory_shared: memory shared with a child, anonymous and of a file, is really shared, atomics and futexes in it too.
// may: stay home
#include "guest.h"
#include <semaphore.h>

struct shared {
    sem_t there, back;
    int number;
};
int main(void) {
    int fd = must(open("shared", O_RDWR | O_CREAT | O_TRUNC, 0600));
    must(ftruncate(fd, 4096));
    struct shared* s = must(mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    int* f = must(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    must(sem_init(&s->there, 1, 0));
    must(sem_init(&s->back, 1, 0));
    pid_t child = must(fork());
    if (child == 0) {
        for (;;) {
            must(sem_wait(&s->there));
            if (s->number < 0) _exit(0);
            s->number *= 2;
            f[1] = f[0] + 1;
            must(sem_post(&s->back));
        }
    }
    for (int i = 0; again(i, 200); i++) {
        s->number = i % 1000;
        f[0] = i;
        must(sem_post(&s->there));
        must(sem_wait(&s->back));
        equal(s->number, i % 1000 * 2);
        equal(f[1], i + 1);
        int read_back;
        equal(pread(fd, &read_back, 4, 4), 4);
        equal(read_back, i + 1);
    }
    s->number = -1;
    must(sem_post(&s->there));
    exits_well(child);
    pass();
}
