// SPDX-License-Identifier: Apache-2.0
// process_exec_script: a #! script is run by its interpreter, with its argument; ENOEXEC and EACCES where they belong.
#include "guest.h"

static void put(char const* name, char const* text, mode_t mode) {
    int fd = must(open(name, O_WRONLY | O_CREAT | O_TRUNC, mode));
    equal(write(fd, text, strlen(text)), strlen(text));
    must(fchmod(fd, mode));
    must(close(fd));
}
int main(void) {
    put("script", "#!/bin/sh -e\necho \"$0 $1 $#\" > script_out\nexit 4\n", 0700);
    put("plain", "no program\n", 0700);
    put("forbidden", "#!/bin/sh\n", 0600);
    for (long i = 0; again(i, 10); i++) {
        pid_t child = must(fork());
        if (child == 0) {
            execl("./script", "zero", "one", "two", (char*)NULL);
            _exit(99);
        }
        equal(WEXITSTATUS(wait_for(child)), 4);
        char text[64] = "";
        int fd = must(open("script_out", O_RDONLY));
        check(read(fd, text, sizeof text) > 0 && strcmp(text, "./script one 2\n") == 0, "%s", text);
        must(close(fd));
        wants(ENOEXEC, execl("./plain", "plain", (char*)NULL));
        wants(EACCES, execl("./forbidden", "forbidden", (char*)NULL));
        wants(EACCES, execl(".", ".", (char*)NULL));
    }
    pass();
}
