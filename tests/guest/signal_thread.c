// SPDX-License-Identifier: Apache-2.0
// signal_thread: a signal to a thread runs in that thread; one to the process in a thread that does not block it.
#include "guest.h"
#include <semaphore.h>

static volatile pid_t ran_in;
static sem_t handled, up;
static void handler(int n, siginfo_t* info, void* context) {
    (void)n, (void)info, (void)context;
    ran_in = (pid_t)syscall(SYS_gettid);
    sem_post(&handled);
}
static pid_t tid[3];
static int stop;
static void* thread(void* arg) {
    long k = (long)arg;
    tid[k] = (pid_t)syscall(SYS_gettid);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    if (k != 2) pthread_sigmask(SIG_BLOCK, &set, NULL);
    sem_post(&up);
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
        if (k == 0) spin(1000);
        else {
            struct timespec t = {0, 5000000};
            nanosleep(&t, NULL);
        }
    }
    return NULL;
}
static void wait_handled(void) {
    while (sem_wait(&handled) != 0) equal(errno, EINTR);
}
int main(void) {
    must(sem_init(&handled, 0, 0));
    must(sem_init(&up, 0, 0));
    on_signal(SIGUSR1, handler, SA_RESTART);
    on_signal(SIGUSR2, handler, SA_RESTART);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_t t[3];
    for (long k = 0; k < 3; k++) zero(pthread_create(&t[k], NULL, thread, (void*)k));
    for (int k = 0; k < 3; k++) sem_wait(&up);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (long i = 0; again(i, 50); i++) {
        for (int k = 0; k < 3; k++) {
            zero(pthread_kill(t[k], SIGUSR1));
            wait_handled();
            equal(ran_in, tid[k]);
        }
        must(kill(getpid(), SIGUSR2)); // only thread 2 takes it
        wait_handled();
        equal(ran_in, tid[2]);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    for (int k = 0; k < 3; k++) zero(pthread_join(t[k], NULL));
    pass();
}
