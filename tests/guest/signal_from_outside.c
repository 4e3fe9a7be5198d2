// SPDX-License-Identifier: Apache-2.0
// signal_from_outside: another process sends signals while this one computes, reads and sleeps; none is lost, each has its sender.
#include "guest.h"

static volatile int calls, last_sender, value;
static void handler(int n, siginfo_t* info, void* context) {
    (void)n, (void)context;
    last_sender = info->si_pid, value = info->si_value.sival_int;
    calls++;
}
int main(void) {
    on_signal(SIGRTMIN + 2, handler, SA_RESTART);
    int order[2], answer[2];
    must(pipe(order));
    must(pipe(answer));
    pid_t parent = getpid(), child = must(fork());
    if (child == 0) {
        close(order[1]);
        int number;
        while (read(order[0], &number, sizeof number) == sizeof number) {
            union sigval v = {.sival_int = number};
            struct timespec t = {0, 1000000};
            nanosleep(&t, NULL);
            if (sigqueue(parent, SIGRTMIN + 2, v) != 0) _exit(1);
            if (number % 3 == 1 && write(answer[1], &number, sizeof number) != sizeof number) _exit(2);
        }
        _exit(0);
    }
    for (int i = 0; again(i, 60); i++) {
        equal(calls, i);
        equal(write(order[1], &i, sizeof i), sizeof i);
        if (i % 3 == 0) while (calls == i) spin(100);
        if (i % 3 == 1) {
            int back;
            equal(read(answer[0], &back, sizeof back), sizeof back);
            equal(back, i);
        }
        if (i % 3 == 2) {
            struct timespec t = {0, 50000000}; // the signal may come before the sleep begins
            while (calls == i)
                if (nanosleep(&t, NULL) != 0) equal(errno, EINTR);
        }
        equal(calls, i + 1);
        equal(last_sender, child);
        equal(value, i);
    }
    close(order[1]);
    exits_well(child);
    pass();
}
