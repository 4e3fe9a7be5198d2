// SPDX-License-Identifier: Apache-2.0
// KeptFile: reading.
#include "sys/kept_file.hh"

#include <fcntl.h>
#include <unistd.h>

namespace rove::sys {

KeptFile::KeptFile(std::string const& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}

std::string_view KeptFile::read(char* into, size_t size) const {
    if (!fd_) return {};
    ssize_t count = ::pread(fd_.number(), into, size, 0);
    return count <= 0 ? std::string_view() : std::string_view(into, static_cast<size_t>(count));
}

} // namespace rove::sys
