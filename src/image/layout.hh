// SPDX-License-Identifier: Apache-2.0
// Layout: from a process's mappings to the VMAs that travel, and what keeps a mapping at home.
//
// Pure. `reconcile` is the way back: what must be done to an address space so that it has the VMAs
// of a layout, with as much as possible of what is there already kept.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "image/maps.hh"
#include "wire/session.hh"

namespace rove::image {

// Bits of wire::Vma::advice.
enum Advice : uint16_t {
    advice_dontfork = 1,
    advice_dontdump = 2,
    advice_wipeonfork = 4,
    advice_nohuge = 8,
    advice_huge = 16,
    advice_locked = 32,
    advice_mergeable = 64,
    advice_noreserve = 128,
    advice_shared = 256 // no advice: the mapping is shared, of a file that nobody writes
};

// A stable word of wire/reasons.def if this mapping cannot travel, else empty. Needs smaps.
std::string confining_word(Mapping const& mapping);

// Memory without a name that processes have in common: no file's, and no System V segment.
bool is_commons(Mapping const& mapping);

// A file that is mapped shared and may be written through the mapping. It can travel if nobody else
// has it (migrate/own_files.hh). Needs smaps.
bool is_written_file(Mapping const& mapping);

// Of the kernel's own making, outside of user addresses or ours: not part of a layout.
bool is_foreign(Mapping const& mapping, uint64_t region);

wire::VmaKind kind_of(Mapping const& mapping);

// `segment_of` gives the segment's index for a file mapping, and where the mapping begins in it.
struct SegmentPlace {
    uint32_t index = 0;
    uint64_t offset = 0;
};
using FindSegment = std::function<Result<SegmentPlace>(Mapping const&)>;
Result<std::vector<wire::Vma>> to_vmas(
    std::vector<Mapping> const& mappings, uint64_t region, FindSegment const& segment_of);

// Sorted, page-aligned, in user space, not overlapping each other or the region, known kinds.
// `region` of 0: none.
Status check_vmas(std::vector<wire::Vma> const& vmas, uint64_t region, size_t segments);
// Sorted, of whole pages, not overlapping.
Status check_pages(std::vector<wire::Range> const& pages);

// One step of making an address space like a layout.
struct Step {
    enum class What { unmap, map_anonymous, map_segment, protect, advise, grow_stack } what;
    uint64_t address = 0, length = 0;
    int prot = 0;
    uint64_t argument = 0; // advise: MADV_*; map_*: index of the VMA in `wanted`
};
// `keeps(mapping, vma)`: file mapping `mapping` already holds what segment `vma` is to hold.
std::vector<Step> reconcile(std::vector<Mapping> const& present,
    std::vector<wire::Vma> const& wanted, uint64_t region,
    std::function<bool(Mapping const&, wire::Vma const&)> const& keeps);

} // namespace rove::image
