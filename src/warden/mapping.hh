// SPDX-License-Identifier: Apache-2.0
// Mapping: from one layout of an address space to another, as a list of system calls.
//
// Pure. A freshly built guest begins from the empty layout; at the freeze only the difference is
// applied. vdso and vvar mappings are not made but moved, by the caller.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.hh"
#include "wire/region.hh"
#include "wire/session.hh"

namespace rove::warden {

/// The descriptor of a segment's file in the guest.
using SegmentNumber = std::function<int(uint32_t segment)>;

/// `want` is the result that lets the list go on.
wire::ExecCall call_of(uint64_t number, std::vector<uint64_t> const& args, int64_t want);

/// System calls that turn `from` into `to`. Segments are mapped with `number_of`.
std::vector<wire::ExecCall> mapping_calls(std::vector<wire::Vma> const& from,
    std::vector<wire::Vma> const& to, SegmentNumber const& number_of);

/// Where those calls take away what is there, or map anew: nothing that came before is left there.
std::vector<wire::Range> remade(
    std::vector<wire::Vma> const& from, std::vector<wire::Vma> const& to);

/// While pages arrive, mappings that they go to must be writable; the real protections come last.
std::vector<wire::Vma> writable_where_present(
    std::vector<wire::Vma> const& vmas, std::vector<wire::Range> const& present);

/// Segments that a layout maps.
std::vector<uint32_t> segments_used(std::vector<wire::Vma> const& vmas);

/// What a hostile or broken home could get wrong: order, overlaps, the runtime's region, bounds.
Status check_layout(wire::Layout const& layout, uint64_t region);

/// Present ranges as the executor wants them, in batches that fit its buffer.
std::vector<std::vector<wire::PageRange>> populate_batches(std::vector<wire::Range> const& present);

// Those parts of `ranges` that are not in `without`; both ascending.
std::vector<wire::Range> subtract(
    std::vector<wire::Range> const& ranges, std::vector<wire::Range> const& without);
/// What lies in either.
std::vector<wire::Range> unite(
    std::vector<wire::Range> const& a, std::vector<wire::Range> const& b);
/// What lies in both.
std::vector<wire::Range> intersect(
    std::vector<wire::Range> const& a, std::vector<wire::Range> const& b);

// Mappings so large, and so full of pages, that huge pages make them quicker to fill and waste next
// to nothing.
std::vector<wire::Range> worth_huge_pages(
    std::vector<wire::Vma> const& vmas, std::vector<wire::Range> const& present);

} // namespace rove::warden
