// SPDX-License-Identifier: Apache-2.0
// threads_leader_first: the first thread ends by pthread_exit; the others go on and one of them ends the process.
// may: stay home
#include "guest.h"

static pthread_t leader;
static void* brief(void* arg) {
    spin(100);
    return arg;
}
static void* thread(void* arg) {
    (void)arg;
    zero(pthread_join(leader, NULL));
    check(syscall(SYS_gettid) != getpid());
    for (long i = 0; again(i, 50); i++) {
        spin(20000);
        pthread_t t;
        zero(pthread_create(&t, NULL, brief, NULL));
        zero(pthread_join(t, NULL));
    }
    printf("the second thread ends it\n");
    fflush(stdout);
    exit(3);
}
int main(void) {
    leader = pthread_self();
    pthread_t t;
    zero(pthread_create(&t, NULL, thread, NULL));
    pthread_exit(NULL);
}
