// SPDX-License-Identifier: Apache-2.0
// Sealed pages: a page stream (pages.hh) on a sealed connection (seal/stream.hh).
//
// Whoever sends says his salt first; the other side then says its own, and each sender of a stream
// in parts does so anew. The process's memory is read and written by the kernel in its name, as a
// page may not be there any more.
#pragma once

#include "wire/region.hh"

namespace rove::rt {

/// As send_pages and receive_pages.
long send_pages_sealed(
    int fd, wire::PageRange const* ranges, uint64_t count, bool end_mark, wire::Token const& token);
long receive_pages_sealed(int fd, wire::Token const& token);

} // namespace rove::rt
