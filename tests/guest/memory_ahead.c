// SPDX-License-Identifier: Apache-2.0
// memory_ahead: memory so large that it is sent while the program runs is whatever the program makes of it meanwhile.
#include "guest.h"

enum { page = 4096, pages = 6144, chunk = 64, chunks = pages / chunk, may_be_zero = 1u << 31 };
static unsigned char* arena;
static uint32_t holds[pages]; // what each page was filled with; 0: nothing
static uint64_t state = 88172645463325252ull;
static unsigned char* others; // of the other thread
static volatile int over;
static void* passing;
static size_t passing_size;

static uint32_t draw(uint32_t below) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (uint32_t)(state >> 20) % below;
}
static uint64_t word_of(uint32_t tag, int i) { return ((uint64_t)tag << 32 | (unsigned)i) * 0x9e3779b97f4a7c15ull | 1; }
static void put(int at, uint32_t tag) {
    uint64_t* words = (uint64_t*)(arena + (size_t)at * page);
    for (int i = 0; i < page / 8; i += 31) words[i] = word_of(tag, i);
    holds[at] = tag;
}
static void is_right(int at) {
    volatile uint64_t* words = (uint64_t*)(arena + (size_t)at * page);
    uint32_t tag = holds[at] & ~may_be_zero;
    bool zero = tag == 0 || ((holds[at] & may_be_zero) != 0 && words[0] == 0);
    for (int i = 0; i < page / 8; i += 31)
        if (words[i] != (zero ? 0 : word_of(tag, i)))
            fail("page %d, word %d: %llx, and not that of %x%s", at, i, (unsigned long long)words[i], holds[at], zero ? " (zero)" : "");
}
static void* start_of(int which) { return arena + (size_t)which * chunk * page; }
static void now_hold(int which, uint32_t tag) {
    for (int i = 0; i < chunk; i++) holds[which * chunk + i] = tag;
}
static void anew(int which) {
    must(mmap(start_of(which), chunk * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    now_hold(which, 0);
}
// Pages that the kernel writes.
static void read_into(int at, uint32_t tag) {
    static uint64_t words[page / 8];
    for (int i = 0; i < page / 8; i++) words[i] = word_of(tag, i);
    int ends[2];
    must(pipe(ends));
    equal(write(ends[1], words, page), page);
    equal(read(ends[0], arena + (size_t)at * page, page), page);
    close(ends[0]), close(ends[1]);
    holds[at] = tag;
}
static void change(uint32_t tag) {
    int which = (int)draw(chunks), other = (int)draw(chunks), at = (int)draw(pages);
    switch (draw(12)) {
    case 0:
        must(madvise(start_of(which), chunk * page, MADV_DONTNEED));
        return now_hold(which, 0);
    case 1:
        must(munmap(start_of(which), chunk * page));
        return anew(which);
    case 2:
        if (which == other) return;
        must(mremap(start_of(which), chunk * page, chunk * page, MREMAP_MAYMOVE | MREMAP_FIXED, start_of(other)));
        memcpy(holds + other * chunk, holds + which * chunk, chunk * sizeof holds[0]);
        return anew(which);
    case 3:
        must(madvise(start_of(which), chunk * page, MADV_FREE));
        for (int i = 0; i < chunk; i++)
            if (holds[which * chunk + i] != 0) holds[which * chunk + i] |= may_be_zero;
        return;
    case 4:
        must(mprotect(start_of(which), chunk * page, PROT_READ));
        spin(20000);
        must(mprotect(start_of(which), chunk * page, PROT_READ | PROT_WRITE));
        return;
    case 5: // what is mapped in another place for a moment
        if (passing != NULL) must(munmap(passing, passing_size));
        passing_size = (1 + draw(64)) * page;
        passing = must(mmap(NULL, passing_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0));
        return;
    case 6: return read_into(at, tag);
    default:
        for (int i = 0; i < 24; i++) put((int)draw(pages), tag + (uint32_t)i);
    }
}
static void in_a_child(void) {
    pid_t child = must(fork());
    if (child == 0) {
        for (int i = 0; i < pages; i += 7) is_right(i);
        for (int i = 0; i < 50; i++) put((int)draw(pages), 77);
        _exit(0);
    }
    int status;
    equal(must(waitpid(child, &status, 0)), child);
    equal(status, 0);
}
static void* write_on(void* nothing) {
    (void)nothing;
    for (uint32_t n = 1; !over; n++) {
        for (int i = 0; i < 256; i += 3) {
            uint32_t volatile* mine = (uint32_t*)(others + i * page);
            if (*mine != (n == 1 ? 0 : n - 1)) fail("page %d of the other thread has %u, and not %u", i, *mine, n - 1);
            *mine = n;
        }
        usleep(300);
    }
    return NULL;
}
int main(void) {
    arena = must(mmap(NULL, (size_t)pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    others = must(mmap(NULL, 256 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    for (int i = 0; i < pages; i++) put(i, (uint32_t)i + 1);
    pthread_t thread;
    zero(pthread_create(&thread, NULL, write_on, NULL));
    uint32_t tag = 1u << 20;
    for (long round = 0; again(round, 40); round++) {
        for (int i = 0; i < 20; i++, tag = (tag + 32) & 0x3fffffff) change(tag | 1u << 20);
        for (int i = 0; i < 100; i++) is_right((int)draw(pages));
        if (round % 8 == 0)
            for (int i = 0; i < pages; i++) is_right(i);
        if (round % 16 == 5) in_a_child();
    }
    over = 1;
    zero(pthread_join(thread, NULL));
    for (int i = 0; i < pages; i++) is_right(i);
    pass();
}
