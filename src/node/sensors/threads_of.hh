// SPDX-License-Identifier: Apache-2.0
// ThreadsOf: a process's threads with their schedstat texts, one after the other.
//
// One directory stays open from one thread to the next, so that who looks at many can rest between
// any two of them.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include <dirent.h>
#include <sys/types.h>

namespace rove::node {

// The names of a directory that are numbers.
class NumberedDirectory {
public:
    NumberedDirectory() = default; // an empty one
    // One that cannot be opened is empty.
    explicit NumberedDirectory(char const* path);
    NumberedDirectory(NumberedDirectory&& other) noexcept
        : stream_(std::exchange(other.stream_, nullptr)) {}
    NumberedDirectory& operator=(NumberedDirectory&& other) noexcept {
        std::swap(stream_, other.stream_);
        return *this;
    }
    ~NumberedDirectory();
    // 0 at the end.
    pid_t next() const;
    int number() const { return stream_ ? ::dirfd(stream_) : -1; }

private:
    DIR* stream_ = nullptr;
};

class ThreadsOf {
public:
    ThreadsOf() = default; // none
    explicit ThreadsOf(pid_t process);
    struct Thread {
        pid_t tid = 0;
        std::string_view schedstat; // until the next; empty if it has just ended
    };
    // None at the end.
    std::optional<Thread> next();

private:
    NumberedDirectory tasks_;
    pid_t single_ = 0; // the process, if that is all its threads and was not given out yet
    char text_[128];
};

} // namespace rove::node
