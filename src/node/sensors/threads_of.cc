// SPDX-License-Identifier: Apache-2.0
// ThreadsOf: walking /proc/PID/task.
#include "node/sensors/threads_of.hh"

#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
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

// The directory's links tell how many threads there are, so for most processes it need not be read.
ThreadsOf::ThreadsOf(pid_t process) {
    constexpr nlink_t links_of_one = 3;
    char path[32];
    (void)std::snprintf(path, sizeof path, "/proc/%d/task", process);
    struct stat status {};
    if (::stat(path, &status) == 0 && status.st_nlink == links_of_one)
        single_ = process;
    else
        tasks_ = NumberedDirectory(path);
}

std::optional<ThreadsOf::Thread> ThreadsOf::next() {
    bool single = single_ != 0;
    pid_t tid = single ? std::exchange(single_, 0) : tasks_.next();
    if (tid == 0) return std::nullopt;
    char path[32];
    (void)std::snprintf(path, sizeof path, single ? "/proc/%d/schedstat" : "%d/schedstat", tid);
    Fd fd(::openat(single ? AT_FDCWD : tasks_.number(), path, O_RDONLY | O_CLOEXEC));
    ssize_t count = fd ? ::read(fd.number(), text_, sizeof text_) : -1;
    if (count <= 0) return Thread{tid, {}};
    return Thread{tid, {text_, static_cast<size_t>(count)}};
}

} // namespace rove::node
