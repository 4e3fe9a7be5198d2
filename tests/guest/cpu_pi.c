// SPDX-License-Identifier: Apache-2.0
// cpu_pi: a computation in floating point and in integers gives the same digits wherever it runs.
#include "guest.h"

static void spigot(char* digits, int count) {
    static unsigned a[4000];
    int cells = count / 4 * 14, written = 0;
    unsigned carry = 0;
    for (int b = 0; b <= cells; b++) a[b] = 2000;
    for (int c = cells; c > 0; c -= 14) {
        uint64_t d = 0;
        for (int b = c; b > 0; b--) {
            d = d * (unsigned)b + (uint64_t)a[b] * 10000;
            a[b] = (unsigned)(d % (unsigned)(2 * b - 1));
            d /= (unsigned)(2 * b - 1);
        }
        written += sprintf(digits + written, "%.4u", (unsigned)(carry + d / 10000));
        carry = (unsigned)(d % 10000);
    }
}

int main(void) {
    char first[1200], other[1200];
    spigot(first, 1000);
    double series = 0;
    for (int k = 0; k < 1000000; k++) series += (k & 1 ? -4.0 : 4.0) / (2 * k + 1);
    for (long i = 0; again(i, 20); i++) {
        memset(other, 0, sizeof other);
        spigot(other, 1000);
        check(strcmp(first, other) == 0, "other digits");
        double s = 0;
        for (int k = 0; k < 1000000; k++) s += (k & 1 ? -4.0 : 4.0) / (2 * k + 1);
        check(s == series, "other sum: %a, %a", s, series);
    }
    printf("%.60s\n%a\n", first, series);
    pass();
}
