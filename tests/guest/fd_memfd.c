// SPDX-License-Identifier: Apache-2.0
// fd_memfd: memfd_create, its size, seals and contents; mapped privately and read.
#include "guest.h"

int main(void) {
    for (long i = 0; again(i, 40); i++) {
        int fd = must(memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        must(ftruncate(fd, 10000));
        equal(pwrite(fd, "inside", 6, 5000), 6);
        char* p = must(mmap(NULL, 10000, PROT_READ, MAP_PRIVATE, fd, 0));
        check(memcmp(p + 5000, "inside", 6) == 0 && p[0] == 0);
        must(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK));
        equal(fcntl(fd, F_GET_SEALS), F_SEAL_WRITE | F_SEAL_SHRINK);
        wants(EPERM, pwrite(fd, "x", 1, 0));
        wants(EPERM, ftruncate(fd, 5));
        must(munmap(p, 10000));
        must(close(fd));
    }
    pass();
}
