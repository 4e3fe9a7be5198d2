// SPDX-License-Identifier: Apache-2.0
// file_stdio: buffered reading and writing, seeking, ungetc, formatted input, temporary files.
#include "guest.h"

int main(void) {
    for (long i = 0; again(i, 40); i++) {
        FILE* f = fopen("text", "w+");
        check(f != NULL);
        for (int k = 0; k < 2000; k++) check(fprintf(f, "%d %x %.3f line\n", k, k * 77, k / 8.0) > 0);
        rewind(f);
        for (int k = 0; k < 2000; k++) {
            int a;
            unsigned b;
            double c;
            equal(fscanf(f, "%d %x %lf line\n", &a, &b, &c), 3);
            check(a == k && b == (unsigned)(k * 77) && c - k / 8.0 < 0.001);
        }
        equal(fgetc(f), EOF);
        check(feof(f));
        equal(fseek(f, 2, SEEK_SET), 0);
        int c = fgetc(f);
        equal(ungetc(c, f), c);
        equal(ftell(f), 2);
        equal(fclose(f), 0);
        f = tmpfile();
        check(f != NULL && fputs("temporary", f) >= 0);
        equal(fclose(f), 0);
        char* line = NULL;
        size_t size = 0;
        f = fopen("text", "r");
        equal(getline(&line, &size, f), 15);
        check(strcmp(line, "0 0 0.000 line\n") == 0);
        fclose(f);
        free(line);
    }
    pass();
}
