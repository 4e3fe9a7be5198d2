// SPDX-License-Identifier: Apache-2.0
// memory_own_files: several files that only this process maps, stored into by threads, each mapped twice: what one mapping shows the other shows at once.
// may: stay home
#include "guest.h"

enum { files = 3, page = 4096, bytes = 16 * page };

struct both {
    volatile uint32_t *written, *shown;
};
static struct both both[files];
static _Atomic int stop;

static void* store(void* of) {
    struct both* b = of;
    for (uint32_t i = 1; !stop; i++) {
        size_t at = (size_t)(i * 7 % 16) * (page / 4) + 3;
        b->written[at] = i;
        if (b->shown[at] != i) fail("%u was stored, %u is shown", i, b->shown[at]);
        b->written[0] = i;
        if (i % 1000 == 0) spin(1000);
    }
    return NULL;
}

int main(void) {
    pthread_t threads[files];
    for (int f = 0; f < files; f++) {
        char name[] = "own0";
        name[3] = (char)('0' + f);
        int fd = must(open(name, O_RDWR | O_CREAT | O_TRUNC, 0600));
        must(ftruncate(fd, bytes));
        both[f].written = must(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
        both[f].shown = must(mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0));
        must(close(fd));
        if (f == 2) must(unlink(name)); // its name is all that it loses
    }
    for (int f = 0; f < files; f++) zero(pthread_create(&threads[f], NULL, store, &both[f]));
    uint32_t before[files] = {0};
    for (long i = 0; again(i, 30); i++) {
        for (int f = 0; f < files; f++) {
            while (both[f].shown[0] == before[f]) spin(100);
            uint32_t now = both[f].shown[0];
            check((int32_t)(now - before[f]) > 0, "a store of file %d is gone: %u, then %u", f, before[f], now);
            before[f] = now;
        }
    }
    stop = 1;
    for (int f = 0; f < files; f++) zero(pthread_join(threads[f], NULL));
    for (int f = 0; f < 2; f++) {
        char name[] = "own0";
        name[3] = (char)('0' + f);
        uint32_t there[bytes / 4];
        int fd = must(open(name, O_RDONLY));
        equal(read(fd, there, bytes), bytes);
        for (int at = 0; at < bytes / 4; at++) equal(there[at], both[f].written[at]);
        must(close(fd));
    }
    pass();
}
