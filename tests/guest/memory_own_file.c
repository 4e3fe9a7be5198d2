// SPDX-License-Identifier: Apache-2.0
// memory_own_file: a file that only this process maps, shared and for writing, is one with what is read and written by descriptor, by itself and by others.
// may: stay home
#include "guest.h"
#include <setjmp.h>

enum { page = 4096, size = 5 * page + 1000, mapped = 8 * page };

static sigjmp_buf no_file;
static void beyond(int number) {
    (void)number;
    siglongjmp(no_file, 1);
}

static bool maps_it(const char* name) {
    FILE* maps = fopen("/proc/self/maps", "r");
    check(maps != NULL);
    char line[PATH_MAX + 100];
    bool found = false;
    while (fgets(line, sizeof line, maps)) found |= strstr(line, "rw-s") && strstr(line, name);
    fclose(maps);
    return found;
}

// One that has not inherited the mapping: another program's like.
static int sees(const char* name, off_t at) {
    unsigned char byte;
    int fd = must(open(name, O_RDONLY));
    equal(pread(fd, &byte, 1, at), 1);
    must(close(fd));
    return byte;
}

int main(void) {
    int fd = must(open("own", O_RDWR | O_CREAT | O_TRUNC, 0600));
    must(ftruncate(fd, size));
    unsigned char* m = must(mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    must(close(fd));
    unsigned char one;
    signal(SIGBUS, beyond);
    check(maps_it("/own"));
    for (long i = 0; again(i, 40); i++) {
        // Long enough without a call that it may be away for it.
        for (int at = 0; at < 5 * page; at += page) {
            m[at + i % page] = (unsigned char)(i + at / page);
            spin(10000);
        }
        m[5 * page + 900] = (unsigned char)(i + 77);
        for (int at = 0; at < 5 * page; at += page) equal(m[at + i % page], (unsigned char)(i + at / page));
        if (sigsetjmp(no_file, 1) == 0) {
            m[6 * page] = 1;
            fail("there is no file behind its end");
        }
        switch (i % 8) {
        case 0:
            for (int at = 0; at < 5 * page; at += page)
                equal(sees("own", at + i % page), (unsigned char)(i + at / page));
            equal(sees("own", 5 * page + 900), (unsigned char)(i + 77));
            break;
        case 2: {
            int other = must(open("own", O_RDWR));
            unsigned char byte = (unsigned char)(i + 5);
            equal(pwrite(other, &byte, 1, 3 * page + 5), 1);
            equal(m[3 * page + 5], byte);
            m[3 * page + 6] = (unsigned char)(i + 6);
            equal(pread(other, &byte, 1, 3 * page + 6), 1);
            equal(byte, (unsigned char)(i + 6));
            must(close(other));
            break;
        }
        case 1:
            if (i % 16 == 1) continue;
            fd = must(open("own", O_RDONLY | O_NONBLOCK));
            equal(pread(fd, &one, 1, 2 * page + i % page), 1);
            equal(one, (unsigned char)(i + 2));
            must(close(fd));
            break;
        case 3:
            must(msync(m, size, i & 8 ? MS_SYNC : MS_ASYNC));
            break;
        case 4: {
            pid_t child = must(fork());
            if (child == 0) {
                if (m[i % page] != (unsigned char)i) _exit(1);
                m[1] = (unsigned char)(i + 9);
                _exit(0);
            }
            exits_well(child);
            equal(m[1], (unsigned char)(i + 9));
            equal(sees("own", 1), (unsigned char)(i + 9));
            break;
        }
        case 5:
            m = must(mremap(m, mapped, mapped, MREMAP_MAYMOVE));
            must(mprotect(m, page, PROT_READ));
            spin(10000);
            must(mprotect(m, page, PROT_READ | PROT_WRITE));
            check(maps_it("/own"));
            break;
        case 6: {
            must(truncate("own", 2 * page));
            if (sigsetjmp(no_file, 1) == 0) {
                m[3 * page] = 1;
                fail("there is no file behind its new end");
            }
            must(truncate("own", size));
            equal(m[3 * page + i % page], 0);
            break;
        }
        case 7: { // another mapping in its place: what was stored stays in the file
            must(munmap(m, mapped));
            equal(sees("own", i % page), (unsigned char)i);
            fd = must(open("own", O_RDWR));
            m = must(mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
            must(close(fd));
            break;
        }
        default:
            break;
        }
    }
    pass();
}
