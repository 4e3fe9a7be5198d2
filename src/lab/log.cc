// SPDX-License-Identifier: Apache-2.0
// Log: what a node's daemon has written, and is writing.
#include "lab/log.hh"

#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/files.hh"
#include "lab/places.hh"

namespace rove::lab {

namespace {

Status copy_rest(Fd const& file) {
    char part[16384];
    for (;;) {
        ssize_t count = ::read(file.number(), part, sizeof part);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(errno, "cannot read the log");
        if (count == 0) return {};
        for (ssize_t done = 0; done < count;) {
            ssize_t wrote = ::write(1, part + done, static_cast<size_t>(count - done));
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote < 0) return fail(errno, "cannot write to standard output");
            done += wrote;
        }
    }
}

} // namespace

Status print_log(std::string_view lab, std::string_view node, Follow follow) {
    std::string path = log_path(lab, node);
    // A daemon that has not started yet has an empty log.
    int flags = follow == Follow::yes ? O_RDONLY | O_CREAT : O_RDONLY;
    auto opened = open_file(path, flags, 0600);
    if (!opened && opened.error().code == ENOENT) return {};
    Fd file = TRY(std::move(opened));
    if (follow == Follow::no) return copy_rest(file);
    Fd changes(::inotify_init1(IN_CLOEXEC));
    if (!changes || ::inotify_add_watch(changes.number(), path.c_str(), IN_MODIFY | IN_ATTRIB) < 0)
        return fail(errno, "cannot follow {}", path);
    for (;;) {
        TRY(copy_rest(file));
        struct stat status {};
        // Unlinked: the lab is gone.
        if (::fstat(file.number(), &status) < 0 || status.st_nlink == 0) return copy_rest(file);
        pollfd waits[2] = {{changes.number(), POLLIN, 0}, {1, 0, 0}};
        if (::poll(waits, 2, -1) < 0 && errno != EINTR) return fail(errno, "cannot wait");
        if (waits[1].revents & POLLERR) return {};
        char events[4096];
        if (waits[0].revents && ::read(changes.number(), events, sizeof events) < 0 &&
            errno != EINTR)
            return fail(errno, "cannot follow {}", path);
    }
}

} // namespace rove::lab
