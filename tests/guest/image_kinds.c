// SPDX-License-Identifier: Apache-2.0
// image_kinds: the same program as dynamic and static, position independent and not: constructors, TLS, arguments, auxv.
// variants: pie nopie static static-pie
#include "guest.h"
#include <sys/auxv.h>

static int constructed;
static __thread int local = 7;
static int zeroed[2000], filled[4] = {1, 2, 3, 4};
static int* pointers[3] = {&filled[1], &filled[2], NULL};
__attribute__((constructor)) static void construct(void) { constructed = 11; }
extern char** environ;

static void* thread(void* arg) {
    check(local == 7, "a new thread's TLS");
    local = 8;
    return arg;
}
int main(int argc, char** argv) {
    unsigned char random[16];
    memcpy(random, (void*)getauxval(AT_RANDOM), 16);
    for (long i = 0; again(i, 50); i++) {
        equal(constructed, 11);
        equal(local, 7);
        check(argc == 1 && argv[1] == NULL && strstr(argv[0], "image_kinds") != NULL);
        check(*pointers[0] == 2 && *pointers[1] == 3 && zeroed[1999] == 0);
        equal(getauxval(AT_PAGESZ), 4096);
        check(memcmp(random, (void*)getauxval(AT_RANDOM), 16) == 0);
        check(getauxval(AT_PHDR) != 0 && getauxval(AT_ENTRY) != 0);
        check(getenv("PATH") != NULL && environ[0] != NULL);
        pthread_t t;
        zero(pthread_create(&t, NULL, thread, NULL));
        zero(pthread_join(t, NULL));
        char* text = NULL;
        check(asprintf(&text, "%s %d", "allocated", 5) == 11);
        free(text);
    }
    pass();
}
