// SPDX-License-Identifier: Apache-2.0
// ThreadsOf: walking /proc/PID/task.
#include "node/sensors/threads_of.hh"

#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.hh"
#include "base/text.hh"

namespace rove::node {

NumberedDirectory::NumberedDirectory(char const* path) {
    int fd = ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    stream_ = fd < 0 ? nullptr : ::fdopendir(fd);
    if (!stream_ && fd >= 0) (void)::close(fd);
}

NumberedDirectory::~NumberedDirectory() {
    if (stream_) (void)::closedir(stream_);
}

pid_t NumberedDirectory::next() const {
    while (dirent const* entry = stream_ ? ::readdir(stream_) : nullptr)
        if (auto number = parse_number<pid_t>(entry->d_name); number && *number > 0) return *number;
    return 0;
}

namespace {
NumberedDirectory tasks_of(pid_t process) {
    char path[32];
    (void)std::snprintf(path, sizeof path, "/proc/%d/task", process);
    return NumberedDirectory(path);
}
} // namespace

ThreadsOf::ThreadsOf(pid_t process) : tasks_(tasks_of(process)) {}

std::optional<ThreadsOf::Thread> ThreadsOf::next() {
    pid_t tid = tasks_.next();
    if (tid == 0) return std::nullopt;
    char path[32];
    (void)std::snprintf(path, sizeof path, "%d/schedstat", tid);
    Fd fd(::openat(tasks_.number(), path, O_RDONLY | O_CLOEXEC));
    ssize_t count = fd ? ::read(fd.number(), text_, sizeof text_) : -1;
    if (count <= 0) return Thread{tid, {}};
    return Thread{tid, {text_, static_cast<size_t>(count)}};
}

} // namespace rove::node
