// SPDX-License-Identifier: Apache-2.0
// memory_policy: a thread's memory policy is what it has set; sets of nodes have the kernel's length, errors are its own.
#include "guest.h"

#include <sys/syscall.h>

static long set(int mode, unsigned long* nodes, unsigned long bits) { return syscall(SYS_set_mempolicy, mode, nodes, bits); }
static long get(int* mode, unsigned long* nodes, unsigned long bits, void* at, unsigned long flags) {
    return syscall(SYS_get_mempolicy, mode, nodes, bits, at, flags);
}
int main(void) {
    if (get(NULL, NULL, 0, NULL, 0) != 0) {
        equal(errno, ENOSYS);
        pass();
    }
    for (int i = 0; again(i, 20); i++) {
        unsigned long* nodes = guarded(16 * sizeof(unsigned long));
        int* mode = guarded(sizeof(int));
        memset(nodes, 0, 16 * sizeof(unsigned long));
        nodes[0] = 1;
        must((int)set(i % 2 ? 2 : 1, nodes, 1024)); // MPOL_BIND, MPOL_PREFERRED
        memset(nodes, 0xff, 16 * sizeof(unsigned long));
        must((int)get(mode, nodes, 1024, NULL, 0));
        equal(*mode, i % 2 ? 2 : 1);
        equal(nodes[0], 1);
        equal(nodes[15], 0);
        wants(EFAULT, (int)get(mode, nodes + 8, 1024, NULL, 0));
        wants(EFAULT, (int)set(2, nodes + 8, 1024));
        wants(EINVAL, (int)set(99, NULL, 0));
        must((int)set(0, NULL, 0));
        must((int)get(mode, NULL, 0, NULL, 0));
        equal(*mode, 0);
        unguard(nodes, 16 * sizeof(unsigned long));
        unguard(mode, sizeof(int));
    }
    pass();
}
