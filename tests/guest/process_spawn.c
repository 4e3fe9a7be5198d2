// SPDX-License-Identifier: Apache-2.0
// process_spawn: posix_spawn runs programs with redirections and reports ENOENT and EACCES; system and popen work.
#include "guest.h"
#include <spawn.h>

extern char** environ;
int main(void) {
    int not_program = must(open("not_a_program", O_WRONLY | O_CREAT, 0600));
    must(close(not_program));
    for (long i = 0; again(i, 8); i++) {
        pid_t child;
        char* missing[] = {"missing", NULL};
        equal(posix_spawn(&child, "/nonexistent/missing", NULL, NULL, missing, environ), ENOENT);
        equal(posix_spawn(&child, "./not_a_program", NULL, NULL, missing, environ), EACCES);
        equal(posix_spawnp(&child, "surely-no-such-program", NULL, NULL, missing, environ), ENOENT);
        posix_spawn_file_actions_t actions;
        zero(posix_spawn_file_actions_init(&actions));
        zero(posix_spawn_file_actions_addopen(&actions, 1, "spawned", O_WRONLY | O_CREAT | O_TRUNC, 0600));
        char* echo[] = {"echo", "spawned", "text", NULL};
        zero(posix_spawnp(&child, "echo", &actions, NULL, echo, environ));
        exits_well(child);
        zero(posix_spawn_file_actions_destroy(&actions));
        char text[100] = "";
        int fd = must(open("spawned", O_RDONLY));
        equal(read(fd, text, sizeof text), 13);
        must(close(fd));
        check(strcmp(text, "spawned text\n") == 0);
        equal(WEXITSTATUS(system("exit 12")), 12);
        FILE* f = popen("echo one; echo two", "r");
        check(f != NULL && fgets(text, sizeof text, f) && strcmp(text, "one\n") == 0 && fgets(text, sizeof text, f));
        equal(pclose(f), 0);
        f = popen("cat > popened", "w");
        check(f != NULL && fputs("through cat\n", f) > 0);
        equal(pclose(f), 0);
        fd = must(open("popened", O_RDONLY));
        equal(read(fd, text, sizeof text), 12);
        must(close(fd));
    }
    pass();
}
