// SPDX-License-Identifier: Apache-2.0
// process_scheduling: personality, nice value and scheduling policy are those that the program set.
#include "guest.h"
#include <sched.h>
#include <sys/personality.h>

int main(void) {
    int before = must(personality(0xffffffff));
    errno = 0;
    must(setpriority(PRIO_PROCESS, 0, 3));
    for (long i = 0; again(i, 50); i++) {
        equal(personality(0xffffffff), before);
        equal(getpriority(PRIO_PROCESS, 0), 3);
        equal(sched_getscheduler(0), SCHED_OTHER);
        struct sched_param param = {.sched_priority = 9};
        must(sched_getparam(0, &param));
        equal(param.sched_priority, 0);
        equal(sched_get_priority_max(SCHED_FIFO), 99);
        wants(EINVAL, sched_get_priority_max(77));
        must(sched_yield());
    }
    pass();
}
