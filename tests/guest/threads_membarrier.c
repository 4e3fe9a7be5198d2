// SPDX-License-Identifier: Apache-2.0
// threads_membarrier: membarrier is granted after its registration, wherever either happens.
#include "guest.h"
#include <linux/membarrier.h>

static long membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0); }

static void* waits(void* argument) {
    zero(pthread_mutex_lock(argument));
    zero(pthread_mutex_unlock(argument));
    return NULL;
}

int main(void) {
    int const kinds[][2] = {{MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, MEMBARRIER_CMD_PRIVATE_EXPEDITED},
                            {MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE},
                            {MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, MEMBARRIER_CMD_GLOBAL_EXPEDITED}};
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    long supported = must(membarrier(MEMBARRIER_CMD_QUERY));
    for (long i = 0; again(i, 20); i++) {
        int const* kind = kinds[i % 3];
        if ((supported & kind[0]) == 0) continue;
        equal(must(membarrier(kind[0])), 0);
        pthread_t thread;
        zero(pthread_mutex_lock(&gate));
        zero(pthread_create(&thread, NULL, waits, &gate));
        // Those of earlier rounds hold as well, and of rounds that were made elsewhere.
        for (long k = 0; k <= i && k < 3; k++)
            if (supported & kinds[k][0]) equal(must(membarrier(kinds[k][1])), 0);
        zero(pthread_mutex_unlock(&gate));
        zero(pthread_join(thread, NULL));
    }
    wants(EINVAL, membarrier(1 << 30));
    pass();
}
