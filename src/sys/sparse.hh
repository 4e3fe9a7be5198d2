// SPDX-License-Identifier: Apache-2.0
// Sparse: files in memory of which only parts hold something.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.hh"
#include "base/result.hh"

namespace rove::sys {

struct FilePart {
    uint64_t offset = 0;
    std::string bytes; // empty: from `offset` on there are only zeros
};
// The next part at or behind `from` that holds something, of at most so many bytes.
Result<FilePart> read_data(int fd, uint64_t from, size_t most);
Status write_at(int fd, ByteView bytes, uint64_t offset);
// All zeros, of the same size.
Status empty_file(int fd);

} // namespace rove::sys
