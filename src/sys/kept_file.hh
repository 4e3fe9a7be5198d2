// SPDX-License-Identifier: Apache-2.0
// KeptFile: a file of /proc or of a cgroup that is read again and again, and opened once.
//
// A descriptor of /proc/PID belongs to that process: when its number is given to another one,
// reading fails.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.hh"

namespace rove::sys {

class KeptFile {
public:
    // One that cannot be opened reads as nothing.
    explicit KeptFile(std::string const& path);
    // Its text, as far as it fits; empty if there is none.
    template <size_t size> std::string_view read(char (&into)[size]) const {
        return read(into, size);
    }
    explicit operator bool() const { return static_cast<bool>(fd_); }

private:
    std::string_view read(char* into, size_t size) const;
    Fd fd_;
};

} // namespace rove::sys
