// SPDX-License-Identifier: Apache-2.0
// bad_calls: unknown and retired system call numbers give ENOSYS; bad arguments their errno.
#include "guest.h"

int main(void) {
    for (long i = 0; again(i, 50); i++) {
        long const unknown[] = {387, 400, 423, 600, 999, 4095, 100000, -5, 180 /* nfsservctl */, 236 /* vserver */, 183, 185};
        for (unsigned k = 0; k < sizeof unknown / sizeof unknown[0]; k++) wants(ENOSYS, syscall(unknown[k]));
        wants(EBADF, read(9999, NULL, 0));
        wants(EBADF, write(-1, "x", 1));
        wants(EBADF, close(9999));
        wants(EBADF, fsync(1000));
        wants(EAFNOSUPPORT, socket(250, SOCK_STREAM, 0));
        wants(ENOTSOCK, listen(0, 1));
        wants(ENOSYS, syscall(SYS_futex, NULL, 99, 0, NULL, NULL, 0));
        wants(EINVAL, syscall(SYS_rt_sigaction, 65, NULL, NULL, 8));
    }
    pass();
}
