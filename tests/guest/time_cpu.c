// SPDX-License-Identifier: Apache-2.0
// time_cpu: the CPU time of process and thread only grows, counts the work done, and its sources agree.
#include "guest.h"
#include <sys/times.h>

static double seconds(struct timespec t) { return (double)t.tv_sec + (double)t.tv_nsec / 1e9; }
int main(void) {
    double last_process = 0, last_thread = 0, last_usage = 0;
    clock_t last_times = 0;
    for (long i = 0; again(i, 30); i++) {
        spin(300000);
        struct timespec p, t;
        must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &p));
        must(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t));
        check(seconds(p) >= last_process, "process time went back: %f, %f", last_process, seconds(p));
        check(seconds(t) > last_thread, "thread time did not grow: %f, %f", last_thread, seconds(t));
        last_process = seconds(p), last_thread = seconds(t);
        struct rusage usage;
        must(getrusage(RUSAGE_SELF, &usage));
        double used = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                      (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
        check(used >= last_usage - 1e-5, "getrusage went back: %f, %f", last_usage, used);
        check(used >= last_process - 0.05, "getrusage says %f, the clock %f", used, last_process);
        last_usage = used;
        check(usage.ru_maxrss > 0);
        struct tms tms;
        must(times(&tms));
        check(tms.tms_utime + tms.tms_stime >= last_times, "times went back");
        last_times = tms.tms_utime + tms.tms_stime;
        check(clock() >= 0);
        wants(EFAULT, getrusage(RUSAGE_SELF, (struct rusage*)16));
    }
    double total = last_process;
    check(total > 0.001, "%f s of CPU time for all that", total);
    pass();
}
