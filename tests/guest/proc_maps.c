// SPDX-License-Identifier: Apache-2.0
// proc_maps: /proc/self/maps tells of the program's own mappings what it would tell natively: text, heap, stack, what was mapped.
// may: stay home
#include "guest.h"

static char text[300000];
static bool holds(void const* p, char const* rights, char const* name) {
    int fd = must(open("/proc/self/maps", O_RDONLY));
    size_t n = 0;
    for (ssize_t r; (r = must(read(fd, text + n, sizeof text - 1 - n))) > 0;) n += (size_t)r;
    text[n] = 0;
    must(close(fd));
    for (char* line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        unsigned long from, to;
        char r[8];
        if (sscanf(line, "%lx-%lx %7s", &from, &to, r) == 3 && (uintptr_t)p >= from && (uintptr_t)p < to)
            return strncmp(r, rights, strlen(rights)) == 0 && (name == NULL || strstr(line, name) != NULL);
    }
    return false;
}
int main(void) {
    int here;
    static int data = 3;
    for (long i = 0; again(i, 15); i++) {
        check(holds((void*)(uintptr_t)main, "r-xp", "proc_maps"), "the text");
        check(holds(&data, "rw-p", NULL), "the data");
        check(holds(&here, "rw-p", "[stack]"), "the stack");
        void* heap = malloc(100);
        check(holds(heap, "rw-p", "[heap]"), "the heap");
        free(heap);
        char* p = must(mmap(NULL, 3 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        check(holds(p, "r--p", NULL) && holds(p + 8192, "r--p", NULL), "a new mapping");
        must(munmap(p, 3 * 4096));
        check(!holds(p + 4096, "", NULL), "a mapping that is gone");
    }
    pass();
}
