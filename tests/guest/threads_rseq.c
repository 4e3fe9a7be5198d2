// SPDX-License-Identifier: Apache-2.0
// threads_rseq: restartable sequences stay registered (or unregistered as a whole), CPU numbers are below the count of CPUs.
#include "guest.h"
#include <sched.h>
#include <sys/rseq.h>

static struct rseq* area(void) { return (struct rseq*)((char*)__builtin_thread_pointer() + __rseq_offset); }
static void* look(void* arg) {
    int cpus = (int)sysconf(_SC_NPROCESSORS_CONF);
    for (int k = 0; k < 200; k++) {
        int cpu = sched_getcpu();
        check(cpu >= 0 && cpu < cpus, "CPU %d of %d", cpu, cpus);
        unsigned c, node;
        must(syscall(SYS_getcpu, &c, &node, NULL));
        check((int)c < cpus, "CPU %u of %d", c, cpus);
        if (__rseq_size > 0) {
            int seen = (int)*(volatile uint32_t*)&area()->cpu_id;
            check(seen < cpus && seen >= -2, "rseq says CPU %d of %d", seen, cpus);
            if (seen >= 0 && k == 0) // registered: a second registration of other memory is refused
                check(syscall(SYS_rseq, guarded(32), 32, 0, 0x53053053) == -1);
        }
    }
    return arg;
}
int main(void) {
    cpu_set_t set;
    for (long i = 0; again(i, 30); i++) {
        look(NULL);
        pthread_t t;
        zero(pthread_create(&t, NULL, look, NULL));
        zero(pthread_join(t, NULL));
        must(sched_getaffinity(0, sizeof set, &set));
        check(CPU_COUNT(&set) >= 1 && CPU_COUNT(&set) <= sysconf(_SC_NPROCESSORS_CONF));
    }
    printf("%ld cpus, affinity %d\n", sysconf(_SC_NPROCESSORS_ONLN), CPU_COUNT(&set));
    pass();
}
