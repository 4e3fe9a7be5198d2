// SPDX-License-Identifier: Apache-2.0
// memory_old_files: mappings of a file that has long been there: its bytes, its end, what is given up, rights, places.
#include <setjmp.h>

#include "guest.h"

static sigjmp_buf before;
static void jump(int signal) { siglongjmp(before, signal); }
static int touches(volatile char* at) {
    int signal = sigsetjmp(before, 1);
    if (signal == 0) (void)*at;
    return signal;
}

static void same(char const* mapped, int fd, off_t offset, size_t length, char const* what) {
    static char bytes[65536];
    for (size_t at = 0; at < length; at += sizeof bytes) {
        size_t part = length - at < sizeof bytes ? length - at : sizeof bytes;
        equal(pread(fd, bytes, part, offset + (off_t)at), part);
        check(memcmp(mapped + at, bytes, part) == 0, "%s shows other bytes at %zu", what, at);
    }
}

int main(void) {
    int fd = must(open("/bin/sh", O_RDONLY));
    struct stat status;
    must(fstat(fd, &status));
    size_t size = (size_t)status.st_size, rounded = (size + 4095) & ~(size_t)4095;
    struct sigaction action = {.sa_handler = jump};
    must(sigaction(SIGBUS, &action, NULL));
    must(sigaction(SIGSEGV, &action, NULL));
    // Two of before, one shared and one with a page of its own.
    char* kept = must(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    char* shown = must(mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0));
    kept[5000] ^= 1;
    for (long i = 0; again(i, 20); i++) {
        char* p = must(mmap(NULL, size + 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
        same(p, fd, 0, size, "a private mapping");
        for (size_t at = size; at < rounded; at++) check(p[at] == 0, "the tail of the last page is not zero");
        equal(touches(p + rounded), SIGBUS); // behind the file
        p[4100] ^= 1;
        check(p[4100] != shown[4100] && touches(p + 4100) == 0);
        must(madvise(p + 4096, 4096, MADV_DONTNEED));
        same(p, fd, 0, size, "what was given up");

        char* s = must(mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0));
        same(s, fd, 0, size, "a shared mapping");
        wants(EACCES, mprotect(s, 4096, PROT_READ | PROT_WRITE));
        must(mprotect(s, 4096, PROT_NONE));
        equal(touches(s), SIGSEGV);
        must(mprotect(s, 4096, PROT_READ));
        wants(EACCES, mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));

        // At a place that is given: a free one, one in use, one that must not be.
        char* fixed = must(mmap(p, 8192, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 4096));
        check(fixed == p);
        same(p, fd, 4096, 8192, "a mapping in another's place");
        same(p + 8192, fd, 8192, 4096, "what lies behind it");
        wants(EEXIST, mmap(p, 4096, PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0));
        wants(EBADF, mmap(NULL, 4096, PROT_READ, MAP_SHARED, 999, 0));
        wants(EINVAL, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 1));

        pid_t child = must(fork());
        if (child == 0) {
            same(s, fd, 0, size, "a child's");
            same(p, fd, 4096, 8192, "a child's other one");
            _exit(0);
        }
        wait_for(child);
        must(munmap(s, size));
        must(munmap(p, size + 2 * 4096));
        kept[5000] ^= 1;
        same(kept, fd, 0, size, "an early mapping");
        kept[5000] ^= 1;
        same(shown, fd, 0, size, "an early shared mapping");
        wants(EACCES, mprotect(shown, size, PROT_READ | PROT_WRITE));
    }
    pass();
}
