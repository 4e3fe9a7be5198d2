// SPDX-License-Identifier: Apache-2.0
// threads_exit_churn: threads end and others begin all the time while a third computes; none is lost.
#include "guest.h"

static int stop;
static long begun, ended;
static void* brief(void* arg) {
    __atomic_add_fetch(&begun, 1, __ATOMIC_SEQ_CST);
    spin((long)arg);
    __atomic_add_fetch(&ended, 1, __ATOMIC_SEQ_CST);
    return arg;
}
static void* churn(void* arg) {
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
        pthread_t t;
        zero(pthread_create(&t, NULL, brief, (void*)200));
        void* result;
        zero(pthread_join(t, &result));
        check(result == (void*)200);
    }
    return arg;
}
int main(void) {
    pthread_t t[3];
    for (int k = 0; k < 3; k++) zero(pthread_create(&t[k], NULL, churn, NULL));
    for (long i = 0; again(i, 100) || __atomic_load_n(&begun, __ATOMIC_SEQ_CST) == 0; i++) spin(20000);
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    for (int k = 0; k < 3; k++) zero(pthread_join(t[k], NULL));
    check(begun > 0);
    equal(begun, ended);
    pass();
}
