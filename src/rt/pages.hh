// SPDX-License-Identifier: Apache-2.0
// Pages: memory straight between this address space and a socket, no copy through anybody else.
#pragma once

#include "wire/region.hh"

namespace rove::rt {

/// Sends the ranges as a page stream (wire/region.hh, PageHeader). Large ones are lent to the
/// socket (vmsplice + splice): they must not change until the other side has said that it has them.
/// Returns the bytes of memory sent, or -errno.
long send_pages(int fd, wire::PageRange const* ranges, uint64_t count, bool end_mark);

/// Receives a page stream into its final places until the end mark; bytes of memory, or -errno.
long receive_pages(int fd);

/// Whether somebody else's header names memory of the program: he has no business with the
/// runtime's own.
bool is_page_range(wire::PageHeader const& header);

/// Faults the ranges in for writing (MADV_POPULATE_WRITE, kernel ≥ 5.14, else by touching nothing).
long populate(wire::PageRange const* ranges, uint64_t count);

/// Sets the bit of each of `count` pages from `address` on that is not all zeros; they are
/// readable.
void mark_filled(uint64_t address, uint64_t count, unsigned char* bits);

} // namespace rove::rt
