// SPDX-License-Identifier: Apache-2.0
// threads_join: threads are created and joined, pass arguments and results, have TLS, names and keys of their own.
#include "guest.h"

static pthread_key_t key;
static int destroyed;
static __thread long local = 5;
static void destroy(void* p) {
    free(p);
    __atomic_add_fetch(&destroyed, 1, __ATOMIC_SEQ_CST);
}
static void* thread(void* arg) {
    long n = (long)arg;
    char name[16], got[16];
    snprintf(name, sizeof name, "worker %ld", n);
    zero(pthread_setname_np(pthread_self(), name));
    zero(pthread_setspecific(key, malloc(10)));
    equal(local, 5);
    local += n;
    spin(5000);
    equal(local, 5 + n);
    zero(pthread_getname_np(pthread_self(), got, sizeof got));
    check(strcmp(name, got) == 0, "the name is %s", got);
    check(syscall(SYS_gettid) != getpid());
    return (void*)(n * n);
}
int main(void) {
    zero(pthread_key_create(&key, destroy));
    for (long i = 0; again(i, 40); i++) {
        pthread_t t[8];
        destroyed = 0;
        for (long n = 0; n < 8; n++) zero(pthread_create(&t[n], NULL, thread, (void*)n));
        for (long n = 0; n < 8; n++) {
            void* result;
            zero(pthread_join(t[n], &result));
            equal((long)result, n * n);
        }
        equal(destroyed, 8);
    }
    pass();
}
