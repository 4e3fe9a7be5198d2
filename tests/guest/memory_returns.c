// SPDX-License-Identifier: Apache-2.0
// memory_returns: so much memory that hosts keep it for a return. Each round changes some of its pages in some way, by two
// threads; a file at home tells what each of them must hold, so nothing that is stale anywhere can look right.
#include "guest.h"

enum { page = 4096, count = 6144, copies = 8, changes = 40 };
static unsigned char (*pages)[page];
static int model;
static struct {
    pthread_mutex_t lock;
    int ends;
} *shared;
static unsigned long (*counters)[page / sizeof(long)]; // all the same, while nobody has the lock

static unsigned draw(unsigned long seed) {
    seed *= 0x9e3779b97f4a7c15ul;
    return (unsigned)(seed >> 40);
}
static uint32_t expected(int which) {
    uint32_t value;
    equal(pread(model, &value, sizeof value, which * (off_t)sizeof value), sizeof value);
    return value;
}
static void expect(int which, uint32_t value) { equal(pwrite(model, &value, sizeof value, which * (off_t)sizeof value), sizeof value); }
static void put(int which, uint32_t value) {
    memcpy(pages[which] + which % 4000, &value, sizeof value);
    expect(which, value);
}
static uint32_t get(int which) {
    uint32_t value;
    memcpy(&value, pages[which] + which % 4000, sizeof value);
    return value;
}

static void change(int which, uint32_t value, unsigned how) {
    switch (how % 6) {
    case 0: // nothing is there any more
        must(madvise(pages[which], page, MADV_DONTNEED));
        return expect(which, 0);
    case 1: // something new is, at the same place
        must(munmap(pages[which], page));
        must(mmap(pages[which], page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
        if (how & 64) return expect(which, 0);
        return put(which, value);
    case 2: // the kernel writes
        expect(which, value);
        equal(pread(model, pages[which] + which % 4000, sizeof value, which * (off_t)sizeof value), sizeof value);
        return;
    case 3: { // the page of another address comes here
        unsigned char* other = must(mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        memcpy(other + which % 4000, &value, sizeof value);
        must(mremap(other, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, pages[which]));
        return expect(which, value);
    }
    default:
        return put(which, value);
    }
}

static void* count_on(void* none) {
    for (;;) {
        int error = pthread_mutex_lock(&shared->lock);
        equal(error, 0); // never the lock of somebody who has died
        int ends = shared->ends;
        for (int i = 0; i < copies; i++) ++counters[i][i];
        pthread_mutex_unlock(&shared->lock);
        if (ends) return none;
        usleep(500);
    }
}

int main(void) {
    model = must(open("model", O_RDWR | O_CREAT | O_TRUNC, 0600));
    pages = must(mmap(NULL, count * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    counters = must(mmap(NULL, copies * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    shared = must(mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    pthread_mutexattr_t robust;
    pthread_mutexattr_init(&robust);
    pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST);
    equal(pthread_mutex_init(&shared->lock, &robust), 0);
    uint32_t first[count];
    for (int i = 0; i < count; i++) {
        first[i] = (uint32_t)i + 1;
        memcpy(pages[i] + i % 4000, &first[i], sizeof first[i]);
    }
    equal(pwrite(model, first, sizeof first, 0), sizeof first);
    pthread_t other;
    equal(pthread_create(&other, NULL, count_on, NULL), 0);
    for (long i = 1; again(i, 25); i++) {
        for (int k = 0; k < changes; k++) {
            unsigned drawn = draw((unsigned long)i * changes + (unsigned)k + 1);
            change((int)(drawn % count), (uint32_t)(i * 100000 + k), drawn / count);
        }
        spin(200000); // moves strike here …
        uint32_t now[count];
        equal(pread(model, now, sizeof now, 0), sizeof now);
        for (int which = 0; which < count; which++) equal(get(which), now[which]);
        equal(pthread_mutex_lock(&shared->lock), 0);
        for (int k = 1; k < copies; k++) equal(counters[k][k], counters[0][0]);
        if (i % 4 == 0) spin(100000); // … and here
        pthread_mutex_unlock(&shared->lock);
        equal(expected((int)i), get((int)i));
    }
    equal(pthread_mutex_lock(&shared->lock), 0);
    shared->ends = 1;
    pthread_mutex_unlock(&shared->lock);
    equal(pthread_join(other, NULL), 0);
    pass();
}
