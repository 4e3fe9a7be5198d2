// SPDX-License-Identifier: Apache-2.0
// Guest mappings: what a guest maps, and which pages of it hold something.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <cstddef>

#include "image/layout.hh"
#include "tracee/pagemap.hh"
#include "warden/guest.hh"
#include "warden/numbers.hh"

namespace rove::warden {

using wire::Vma;
using wire::VmaKind;

Result<std::vector<image::Mapping>> Guest::maps() const {
    return image::parse_maps(TRY(proc_file("maps")));
}

Result<uint64_t> Guest::calls_made(uint32_t number) const {
    uint64_t row = offsetof(wire::Control, calls) + number * sizeof(wire::CallCount);
    return get<uint64_t>(control_field(row + offsetof(wire::CallCount, calls)));
}

// What the program maps, unmaps and protects by itself, without a trap, nobody counts. But flags
// that matter are set by calls that trap (brk, advice of other kinds, locks), or with the mapping,
// and then they are in no list that is relied on. Calls are counted when they have been made: of
// one that is under way the count tells later.
Result<uint64_t> Guest::mapping_changes() const {
    constexpr uint32_t changing[] = {SYS_mmap, SYS_brk, SYS_madvise, SYS_mlock, SYS_munlock,
        SYS_mlockall, SYS_munlockall, SYS_mlock2};
    uint64_t changes = 0;
    for (uint32_t call : changing)
        changes += TRY(calls_made(call));
    return changes;
}

namespace {
bool has_no_flag_that_matters(std::vector<image::Mapping> const& mappings, uint64_t region) {
    for (auto const& mapping : mappings) {
        if (mapping.start >= region && mapping.end <= region + wire::region_size) continue;
        if (mapping.path.starts_with("[v")) continue; // the kernel's own
        for (char const* flag : {"wf", "dc", "dd", "mg", "nr", "lo"})
            if (mapping.has(flag)) return false;
    }
    return true;
}
} // namespace

Result<KnownMappings> Guest::known_mappings() const {
    KnownMappings known;
    known.changes =
        TRY(mapping_changes()); // before the mappings: a call in between makes it differ
    auto list = image::parse_maps(TRY(proc_file("smaps")));
    // The program runs: a list that changed while it was read fits nowhere, and is none.
    if (list)
        known.list = std::move(*list);
    else
        known.changes = ~uint64_t{0};
    return known;
}

Result<std::vector<Vma>> Guest::mappings(
    Segments const& segments, KnownMappings const& before) const {
    struct Flag {
        char const* name;
        uint16_t bit;
    };
    constexpr Flag flags[] = {{"dc", 1}, {"dd", 2}, {"wf", 4}, {"nh", 8}, {"hg", 16}, {"lo", 32},
        {"mg", 64}, {"nr", 128}};
    std::vector<Vma> result;
    auto now = TRY(maps());
    if (TRY(mapping_changes()) != before.changes ||
        !has_no_flag_that_matters(before.list, region_) || !image::carry_flags(now, before.list))
        now = TRY(image::parse_maps(TRY(proc_file("smaps"))));
    for (auto const& mapping : now) {
        if (mapping.start >= region_ && mapping.end <= region_ + wire::region_size) continue;
        if (mapping.path == "[vsyscall]") continue;
        Vma vma;
        vma.start = mapping.start;
        vma.end = mapping.end;
        vma.prot = static_cast<uint8_t>(mapping.prot);
        for (auto const& flag : flags)
            if (mapping.has(flag.name)) vma.advice |= flag.bit;
        uint64_t device = makedev(mapping.device_major, mapping.device_minor);
        auto replaced = segments.find_vdso(device, mapping.inode);
        if (mapping.path == "[vdso]") {
            vma.kind = VmaKind::vdso;
        } else if (replaced) {
            vma.kind = mapping.prot == PROT_NONE ? VmaKind::vvar : VmaKind::vdso;
            vma.segment = *replaced;
        } else if (mapping.path.starts_with("[vvar")) {
            vma.kind = VmaKind::vvar;
        } else if (mapping.inode != 0) {
            auto segment = segments.find(device, mapping.inode);
            if (!segment)
                return fail(
                    EPROTO, "the guest maps {}, which is none of its segments", mapping.path);
            vma.kind = VmaKind::segment;
            if (mapping.shared) vma.advice |= image::advice_shared;
            vma.segment = *segment;
            vma.offset = mapping.offset;
        } else if (mapping.has("gd")) {
            vma.kind = VmaKind::stack;
        }
        // Nobody asked for these two there; they only tell what the kernel does with such mappings.
        if (vma.kind == VmaKind::vdso || vma.kind == VmaKind::vvar) vma.advice = 0;
        result.push_back(vma);
    }
    return result;
}

Result<tracee::Pagemap> Guest::pagemap() const {
    Fd file = open_proc("pagemap", O_RDONLY);
    if (!file) return fail(errno, "cannot open the guest's pagemap");
    return tracee::Pagemap::of(std::move(file));
}

namespace {

bool has_pages(Vma const& vma) {
    return vma.kind != VmaKind::vdso && vma.kind != VmaKind::vvar;
}

} // namespace

Result<std::vector<wire::Range>> Guest::private_pages(std::vector<Vma> const& vmas) const {
    auto pages = TRY(pagemap());
    std::vector<wire::Range> ranges;
    for (auto const& vma : vmas)
        if (has_pages(vma))
            TRY(pages.private_pages(vma.start, vma.end, tracee::backing_of(vma), ranges));
    return ranges;
}

Result<std::vector<wire::Range>> Guest::suspect_pages() const {
    std::vector<wire::Range> ranges;
    if (TRY(TRY(pagemap()).suspect_pages(0, address_end, ranges))) return ranges;
    return fail(ENOTSUP, "the kernel does not tell which pages were written");
}

Result<std::vector<wire::Range>> Guest::take_written_pages(std::vector<Vma> const& vmas) const {
    auto pages = TRY(pagemap());
    std::vector<wire::Range> ranges;
    for (auto const& vma : vmas)
        if (has_pages(vma) &&
            !TRY(pages.take_written_pages(vma.start, vma.end, tracee::backing_of(vma), ranges)))
            return fail(ENOTSUP, "the kernel does not tell which pages were written");
    return ranges;
}

} // namespace rove::warden
