// SPDX-License-Identifier: Apache-2.0
// threads_detach: detached threads come and go while others run; their number in /proc/self/task returns to one.
#include "guest.h"
#include <dirent.h>

static int left;
static void* thread(void* arg) {
    spin((long)arg * 100);
    __atomic_sub_fetch(&left, 1, __ATOMIC_SEQ_CST);
    return NULL;
}
static int tasks(void) {
    DIR* d = opendir("/proc/self/task");
    check(d != NULL);
    int n = 0;
    for (struct dirent* e; (e = readdir(d)) != NULL;) n += e->d_name[0] != '.';
    closedir(d);
    return n;
}
int main(void) {
    pthread_attr_t attr;
    zero(pthread_attr_init(&attr));
    zero(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED));
    zero(pthread_attr_setstacksize(&attr, 128 * 1024));
    for (long i = 0; again(i, 30); i++) {
        left = 10;
        pthread_t t;
        for (long n = 0; n < 10; n++) zero(pthread_create(&t, &attr, thread, (void*)n));
        while (__atomic_load_n(&left, __ATOMIC_SEQ_CST) > 0) sched_yield();
        int64_t limit = now_ns() + 5000000000;
        while (tasks() != 1) check(now_ns() < limit, "%d threads are left", tasks());
    }
    pass();
}
