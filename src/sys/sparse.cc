// SPDX-License-Identifier: Apache-2.0
// Sparse: see sparse.hh.
#include "sys/sparse.hh"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "sys/files.hh"

namespace rove::sys {

Result<FilePart> read_data(int fd, uint64_t from, size_t most) {
    off_t start = ::lseek(fd, static_cast<off_t>(from), SEEK_DATA);
    if (start < 0 && errno == ENXIO) return FilePart{from, {}};
    off_t end = start < 0 ? start : ::lseek(fd, start, SEEK_HOLE);
    if (end < 0) return fail(errno, "cannot find what a file holds");
    FilePart part{static_cast<uint64_t>(start), {}};
    part.bytes.resize(std::min(most, static_cast<size_t>(end - start)));
    ssize_t got = ::pread(fd, part.bytes.data(), part.bytes.size(), start);
    if (got <= 0) return fail(got < 0 ? errno : EIO, "cannot read what a file holds");
    part.bytes.resize(static_cast<size_t>(got));
    return part;
}

Status write_at(int fd, ByteView bytes, uint64_t offset) {
    while (!bytes.empty()) {
        ssize_t done = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return fail(done < 0 ? errno : EIO, "cannot write at {:#x}", offset);
        bytes = bytes.subspan(static_cast<size_t>(done));
        offset += static_cast<uint64_t>(done);
    }
    return {};
}

Status empty_file(int fd) {
    auto size = TRY(fstat(fd)).st_size;
    constexpr int how = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    if (size != 0 && ::fallocate(fd, how, 0, size) != 0) return fail(errno, "cannot empty a file");
    return {};
}

} // namespace rove::sys
