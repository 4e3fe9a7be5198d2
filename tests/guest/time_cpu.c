// SPDX-License-Identifier: Apache-2.0
// time_cpu: the CPU time of process and thread only grows, counts the work done, and its sources agree. What a stay away
// has used is missing once it is over, but never what was used at home.
#include "guest.h"
#include <sys/times.h>

static double seconds(struct timespec t) { return (double)t.tv_sec + (double)t.tv_nsec / 1e9; }
// Where a stay may have ended, only what was used before the first one is sure to be counted.
static bool grown(double now, double last, double first) { return now >= (stays_end() ? first : last); }
int main(void) {
    double first_process = 0, first_thread = 0;
    double last_process = 0, last_thread = 0, last_usage = 0;
    clock_t last_times = 0;
    for (long i = 0; again(i, 30); i++) {
        spin(300000);
        struct timespec p, t;
        must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &p));
        must(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t));
        check(grown(seconds(p), last_process, first_process), "process time went back: %f, %f", last_process, seconds(p));
        check(grown(seconds(t), last_thread, first_thread), "thread time went back: %f, %f", last_thread, seconds(t));
        check(stays_end() || seconds(t) > last_thread, "thread time did not grow: %f", last_thread);
        if (i == 0) first_process = seconds(p), first_thread = seconds(t);
        last_process = seconds(p), last_thread = seconds(t);
        struct rusage usage;
        must(getrusage(RUSAGE_SELF, &usage));
        double used = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                      (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
        check(grown(used, last_usage - 1e-5, first_process - 0.05), "getrusage went back: %f, %f", last_usage, used);
        check(grown(used, last_process - 0.05, first_process - 0.05), "getrusage says %f, the clock %f", used, last_process);
        last_usage = used;
        check(usage.ru_maxrss > 0);
        struct tms tms;
        must(times(&tms));
        check(stays_end() || tms.tms_utime + tms.tms_stime >= last_times, "times went back");
        last_times = tms.tms_utime + tms.tms_stime;
        check(clock() >= 0);
        wants(EFAULT, getrusage(RUSAGE_SELF, (struct rusage*)16));
    }
    double total = last_process;
    check(total > 0.001, "%f s of CPU time for all that", total);
    pass();
}
