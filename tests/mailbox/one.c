/* SPDX-License-Identifier: Apache-2.0
 * one: one mailbox that does what is asked on standard input, line by line, and says what came of it.
 *
 *   send ADDRESS LENGTH CHARACTER [MS]     ok | ERRNO
 *   flush ADDRESS [MS]                     ok | ERRNO
 *   receive [MS [ADDRESS [MIN MAX [PATTERN]]]]   LENGTH CHARACTER SENDER | gone UNDELIVERED SENDER | ERRNO
 *   peek                                   as receive, the letter stays
 *   find HOME PID                          ADDRESS | ERRNO
 *   go NODE [MS]                           ok | ERRNO: this process there
 *   join ADDRESS [MS]                      ok | ERRNO: this process to that one
 *   invite ADDRESS [MS]                    ok | ERRNO: that process to this one
 *   poll MS                                ready | idle
 *   notify                                 ok; `signals` then says how many came
 *   fork                                   what send and open do in the child: ERRNO ADDRESS
 *   exec                                   this program once more, with a mailbox of its own
 *   close
 * Its first line is its address.
 */
#include <errno.h>
#include <poll.h>
#include <rove.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t signals;
static void count(int number) {
    (void)number;
    ++signals;
}

static rove_mailbox *box;
static char *room;
static size_t const room_size = 8 << 20;

static char const *name(int code) {
    return code == ENOTSUP ? "ENOTSUP" : strerrorname_np(code); /* it has two names */
}

static void say_address(rove_address const *address, char const *before) {
    char text[ROVE_ADDRESS_TEXT_SIZE];
    rove_address_text(address, text);
    printf("%s%s\n", before, text);
}

static void receive(char *words, unsigned flags) {
    char sender[128] = "", pattern[128] = "";
    int timeout_ms = 0;
    rove_filter filter = {0};
    rove_address from;
    int fields = sscanf(words, "%d %127s %zu %zu %127s", &timeout_ms, sender, &filter.length_min,
        &filter.length_max, pattern);
    if (fields >= 2 && strcmp(sender, "any") != 0) {
        if (rove_address_parse(sender, &from) != 0) exit(3);
        filter.sender = &from;
    }
    filter.pattern = pattern;
    filter.pattern_length = strlen(pattern);
    rove_letter letter;
    ssize_t got = rove_receive(box, &filter, room, room_size, &letter, flags, timeout_ms);
    char before[64];
    if (got < 0) {
        printf("%s\n", name(errno));
        return;
    }
    if (letter.kind == ROVE_GONE)
        snprintf(before, sizeof before, "gone %llu ", (unsigned long long)letter.undelivered);
    else
        snprintf(before, sizeof before, "%zd %c ", got, got > 0 ? room[got - 1] : '-');
    say_address(&letter.sender, before);
}

static void forked(void) {
    fflush(stdout);
    if (fork() == 0) {
        rove_address own;
        rove_own_address(box, &own);
        int sent = rove_send(box, &own, "x", 1, 0);
        char before[64];
        snprintf(before, sizeof before, "%s ", sent == 0 ? "ok" : name(errno));
        rove_mailbox *mine = rove_open(0);
        rove_own_address(mine, &own);
        say_address(&own, before);
        exit(0);
    }
    wait(NULL);
}

int main(int argc, char **argv) {
    (void)argc;
    setvbuf(stdout, NULL, _IOLBF, 0);
    room = malloc(room_size);
    box = rove_open(ROVE_NOTICES);
    if (!box) {
        printf("%s\n", name(errno));
        return 1;
    }
    rove_address own, other;
    rove_own_address(box, &own);
    say_address(&own, "");
    static char line[1024];
    while (fgets(line, sizeof line, stdin)) {
        char text[128], letter = 0;
        int length = 0, timeout_ms = -1, pid = 0;
        if (sscanf(line, "send %127s %d %c %d", text, &length, &letter, &timeout_ms) >= 3) {
            char *bytes = malloc((size_t)length + 1);
            memset(bytes, letter, (size_t)length);
            if (rove_address_parse(text, &other) != 0) return 3;
            int sent = rove_send(box, &other, bytes, (size_t)length, timeout_ms);
            printf("%s\n", sent == 0 ? "ok" : name(errno));
            free(bytes);
        } else if (sscanf(line, "flush %127s %d", text, &timeout_ms) >= 1) {
            if (rove_address_parse(text, &other) != 0) return 3;
            printf("%s\n", rove_flush(box, &other, timeout_ms) == 0 ? "ok" : name(errno));
        } else if (strncmp(line, "receive", 7) == 0) {
            receive(line + 7, 0);
        } else if (strncmp(line, "peek", 4) == 0) {
            receive(line + 4, ROVE_PEEK);
        } else if (sscanf(line, "find %127s %d", text, &pid) == 2) {
            if (rove_find(box, strcmp(text, "-") == 0 ? NULL : text, pid, &other, 10000) == 0)
                say_address(&other, "");
            else
                printf("%s\n", name(errno));
        } else if (sscanf(line, "go %127s %d", text, &timeout_ms) >= 1) {
            printf("%s\n", rove_move_to_node(box, text, timeout_ms) == 0 ? "ok" : name(errno));
        } else if (sscanf(line, "join %127s %d", text, &timeout_ms) >= 1) {
            if (rove_address_parse(text, &other) != 0) return 3;
            printf("%s\n", rove_move_to(box, &other, timeout_ms) == 0 ? "ok" : name(errno));
        } else if (sscanf(line, "invite %127s %d", text, &timeout_ms) >= 1) {
            if (rove_address_parse(text, &other) != 0) return 3;
            printf("%s\n", rove_invite(box, &other, timeout_ms) == 0 ? "ok" : name(errno));
        } else if (sscanf(line, "poll %d", &timeout_ms) == 1) {
            struct pollfd ready = {rove_descriptor(box), POLLIN, 0};
            printf("%s\n", poll(&ready, 1, timeout_ms) > 0 ? "ready" : "idle");
        } else if (strncmp(line, "notify", 6) == 0) {
            signal(SIGUSR1, count);
            printf("%s\n", rove_notify(box, SIGUSR1) == 0 ? "ok" : name(errno));
        } else if (strncmp(line, "signals", 7) == 0) {
            printf("%d\n", (int)signals);
        } else if (strncmp(line, "fork", 4) == 0) {
            forked();
        } else if (strncmp(line, "exec", 4) == 0) {
            execv("/proc/self/exe", argv);
        } else if (strncmp(line, "close", 5) == 0) {
            printf("%s\n", rove_close(box) == 0 ? "ok" : name(errno));
            return 0;
        } else {
            return 4;
        }
    }
    return 0;
}
