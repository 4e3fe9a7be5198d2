// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // pipe2
#include "ask_rove.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

// Starts the command with its output in the pipe; its PID, or -1.
static pid_t start(char const* command, char const* place, int quiet, int output) {
    char* words[] = {(char*)command, ".mpi-places", (char*)place, NULL};
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions)) return -1;
    pid_t child = -1;
    if (posix_spawn_file_actions_adddup2(&actions, output, 1) ||
        (quiet && posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)) ||
        posix_spawn(&child, command, &actions, NULL, words, environ))
        child = -1;
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

// All that is written into the pipe until it ends.
static char* read_all(int from) {
    size_t size = 4096, length = 0;
    char* text = malloc(size);
    while (text) {
        ssize_t const got = read(from, text + length, size - length - 1);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        length += (size_t)got;
        if (length + 1 < size) continue;
        char* more = realloc(text, size *= 2);
        if (!more) free(text);
        text = more;
    }
    if (text) text[length] = 0;
    return text;
}

int rove_take_places(char const* text, long* slots, char** places) {
    char* rest;
    errno = 0;
    long const number = strtol(text, &rest, 10);
    if (rest == text || errno || number < 0 || number > 1 << 20) return -1;
    *slots = number;
    *places = strdup(*rest == ' ' ? rest + 1 : rest);
    return *places ? 0 : -1;
}

// A line that does not end is of a command that has failed half-way.
static int take_line(char* text, long* slots, char** places) {
    char* const end = strchr(text, '\n');
    if (!end) return -1;
    *end = 0;
    return rove_take_places(text, slots, places);
}

int rove_ask_places(char const* command, char const* place, int quiet, long* slots, char** places) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC)) return -1;
    pid_t const child = start(command, place, quiet, ends[1]);
    close(ends[1]);
    char* const text = child < 0 ? NULL : read_all(ends[0]);
    close(ends[0]);
    // Its status is not asked for: mpirun waits for any child, and may have had it already.
    while (child >= 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    int const done = text ? take_line(text, slots, places) : -1;
    free(text);
    return done;
}
