// SPDX-License-Identifier: Apache-2.0
// signal_queue: real-time signals queue up, come lowest number first and in order within a number, with their values.
#include "guest.h"

static volatile int values[400], numbers[400], count;
static void handler(int n, siginfo_t* info, void* context) {
    (void)context;
    numbers[count] = n;
    values[count++] = info->si_value.sival_int;
}
int main(void) {
    sigset_t set;
    sigemptyset(&set);
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigfillset(&action.sa_mask);
    for (int k = 0; k < 4; k++) {
        sigaddset(&set, SIGRTMIN + k);
        must(sigaction(SIGRTMIN + k, &action, NULL));
    }
    for (long i = 0; again(i, 20); i++) {
        must(sigprocmask(SIG_BLOCK, &set, NULL));
        count = 0;
        for (int k = 0; k < 100; k++) {
            union sigval v = {.sival_int = k};
            must(sigqueue(getpid(), SIGRTMIN + k % 4, v));
        }
        equal(count, 0);
        spin(3000);
        must(sigprocmask(SIG_UNBLOCK, &set, NULL));
        equal(count, 100);
        for (int k = 0; k < 100; k++) {
            equal(numbers[k], SIGRTMIN + k / 25);
            equal(values[k], k % 25 * 4 + k / 25);
        }
    }
    pass();
}
