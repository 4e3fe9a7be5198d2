// SPDX-License-Identifier: Apache-2.0
// fd_splice: splice, tee, vmsplice, sendfile and copy_file_range move the right bytes and offsets.
#include "guest.h"
#include <sys/sendfile.h>
#include <sys/uio.h>

int main(void) {
    char content[20000], got[20000];
    fill(content, sizeof content, 8);
    int in = must(open("in", O_RDWR | O_CREAT | O_TRUNC, 0600));
    equal(write(in, content, sizeof content), sizeof content);
    for (long i = 0; again(i, 40); i++) {
        int out = must(open("out", O_RDWR | O_CREAT | O_TRUNC, 0600)), p[2], q[2];
        off_t offset = 1000;
        equal(sendfile(out, in, &offset, 5000), 5000);
        equal(offset, 6000);
        equal(pread(out, got, sizeof got, 0), 5000);
        check(memcmp(got, content + 1000, 5000) == 0);
        loff_t from = 100, to = 6000;
        equal(copy_file_range(in, &from, out, &to, 3000, 0), 3000);
        check(from == 3100 && to == 9000);
        equal(pread(out, got, 3000, 6000), 3000);
        check(memcmp(got, content + 100, 3000) == 0);
        must(pipe(p));
        must(pipe(q));
        from = 50;
        equal(splice(in, &from, p[1], NULL, 4000, 0), 4000);
        equal(from, 4050);
        equal(tee(p[0], q[1], 4000, 0), 4000);
        equal(read(q[0], got, sizeof got), 4000);
        check(memcmp(got, content + 50, 4000) == 0);
        memset(got, 0, sizeof got);
        equal(read(p[0], got, sizeof got), 4000);
        check(memcmp(got, content + 50, 4000) == 0);
        char part[600];
        fill(part, sizeof part, (uint32_t)i);
        struct iovec io[2] = {{part, 100}, {part + 100, 500}};
        equal(vmsplice(p[1], io, 2, 0), 600);
        equal(read(p[0], got, 600), 600);
        check(memcmp(got, part, 600) == 0);
        for (int k = 0; k < 2; k++) {
            must(close(p[k]));
            must(close(q[k]));
        }
        must(close(out));
    }
    pass();
}
