// SPDX-License-Identifier: Apache-2.0
// threads_barrier: barriers, spin locks and semaphores between eight threads; one of them is the serial one each time.
#include "guest.h"
#include <semaphore.h>

enum { count = 8 };
static pthread_barrier_t barrier;
static pthread_spinlock_t spin_lock;
static sem_t sem;
static int serial, inside, stop;
static long added;
static void* thread(void* arg) {
    for (;;) {
        int r = pthread_barrier_wait(&barrier);
        if (r == PTHREAD_BARRIER_SERIAL_THREAD) __atomic_add_fetch(&serial, 1, __ATOMIC_SEQ_CST);
        else zero(r);
        if (stop) return arg;
        sem_wait(&sem);
        check(__atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST) <= 2, "more than two inside");
        spin(300);
        __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
        sem_post(&sem);
        pthread_spin_lock(&spin_lock);
        added += (long)arg;
        pthread_spin_unlock(&spin_lock);
        pthread_barrier_wait(&barrier);
    }
}
int main(void) {
    zero(pthread_barrier_init(&barrier, NULL, count + 1));
    zero(pthread_spin_init(&spin_lock, 0));
    must(sem_init(&sem, 0, 2));
    pthread_t t[count];
    for (long n = 0; n < count; n++) zero(pthread_create(&t[n], NULL, thread, (void*)n));
    for (long i = 0; again(i, 60); i++) {
        added = 0, serial = 0;
        if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) __atomic_add_fetch(&serial, 1, __ATOMIC_SEQ_CST);
        pthread_barrier_wait(&barrier);
        equal(added, count * (count - 1) / 2);
        equal(__atomic_load_n(&serial, __ATOMIC_SEQ_CST), 1);
    }
    stop = 1;
    pthread_barrier_wait(&barrier);
    for (int n = 0; n < count; n++) zero(pthread_join(t[n], NULL));
    pass();
}
