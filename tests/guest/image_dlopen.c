// SPDX-License-Identifier: Apache-2.0
// image_dlopen: a library is loaded, used and unloaded again and again, with thread-local variables of its own.
// libs: -ldl -lm
#include "guest.h"
#include <dlfcn.h>

int main(void) {
    for (long i = 0; again(i, 20); i++) {
        void* library = dlopen("libm.so.6", RTLD_NOW | RTLD_LOCAL);
        check(library != NULL, "%s", dlerror());
        double (*cosine)(double);
        *(void**)&cosine = dlsym(library, "cos");
        check(cosine != NULL && cosine(0.0) == 1.0);
        dlclose(library);
        library = dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL);
        if (library != NULL) {
            unsigned long (*crc)(unsigned long, unsigned char const*, unsigned);
            *(void**)&crc = dlsym(library, "crc32");
            equal(crc(0, (unsigned char const*)"123456789", 9), 0xcbf43926);
            dlclose(library);
        }
        check(dlopen("libdoes-not-exist.so.9", RTLD_NOW) == NULL);
    }
    pass();
}
