// SPDX-License-Identifier: Apache-2.0
// Layout: sorting mappings into kinds.
#include "image/layout.hh"

#include <algorithm>

#include <sys/mman.h>

#include "wire/region.hh"

namespace rove::image {

namespace {

constexpr uint64_t user_space_end = 1ull << 47;
constexpr uint64_t page = 4096;

uint16_t advice_of(Mapping const& mapping) {
    uint16_t advice = 0;
    if (mapping.has("dc")) advice |= advice_dontfork;
    if (mapping.has("dd")) advice |= advice_dontdump;
    if (mapping.has("wf")) advice |= advice_wipeonfork;
    if (mapping.has("nh")) advice |= advice_nohuge;
    if (mapping.has("hg")) advice |= advice_huge;
    if (mapping.has("lo")) advice |= advice_locked;
    if (mapping.has("mg")) advice |= advice_mergeable;
    if (mapping.has("nr")) advice |= advice_noreserve;
    return advice;
}

bool is_vdso(Mapping const& mapping) {
    return mapping.inode == 0 && (mapping.path == "[vdso]" || mapping.path.starts_with("[vvar"));
}

// Memory like any other: the device is only asked for it.
bool is_zeros(Mapping const& mapping) {
    return !mapping.shared && mapping.path == "/dev/zero";
}

bool is_uprobes(Mapping const& mapping) {
    return mapping.path == "[uprobes]";
}

} // namespace

std::string confining_word(Mapping const& mapping) {
    if (is_vdso(mapping) || is_uprobes(mapping)) return "";
    if (mapping.path.find("[io_uring]") != std::string::npos) return "io_uring";
    if (mapping.path.starts_with("/[aio]")) return "aio";
    if (mapping.path.starts_with("/secretmem")) return "secret_memory";
    if (mapping.path.starts_with("/SYSV")) return "shared_memory_segment";
    if (mapping.path.find("[perf_event]") != std::string::npos) return "perf_event";
    if (mapping.has("ht")) return "hugetlbfs";
    if (mapping.has("io") || mapping.has("pf") || mapping.has("mm")) return "kvm_or_device_memory";
    if (mapping.has("ss")) return "shadow_stack";
    if (mapping.has("sl")) return "sealed_memory";
    if (mapping.has("um") || mapping.has("uw") || mapping.has("ui")) return "userfaultfd";
    if (mapping.shared && (mapping.prot & PROT_WRITE || mapping.has("mw") || mapping.inode == 0))
        return "shared_writable_memory";
    return "";
}

bool is_commons(Mapping const& mapping) {
    return mapping.shared && mapping.inode != 0 && mapping.path == "/dev/zero (deleted)";
}

// Not what the kernel makes without opening it: who has that is not counted, so nobody could say
// that he alone has it.
bool is_written_file(Mapping const& mapping) {
    if (!mapping.shared || mapping.inode == 0 || is_commons(mapping)) return false;
    if (!mapping.path.starts_with('/') || mapping.path.starts_with("/memfd:")) return false;
    return confining_word(mapping) == "shared_writable_memory";
}

bool is_foreign(Mapping const& mapping, uint64_t region) {
    if (mapping.start >= user_space_end || is_uprobes(mapping)) return true;
    return region != 0 && mapping.start < region + wire::region_size && mapping.end > region;
}

wire::VmaKind kind_of(Mapping const& mapping) {
    if (mapping.inode == 0 && mapping.path == "[vdso]") return wire::VmaKind::vdso;
    if (is_vdso(mapping)) return wire::VmaKind::vvar;
    if (mapping.inode != 0 && !is_zeros(mapping)) return wire::VmaKind::segment;
    if (mapping.has("gd")) return wire::VmaKind::stack;
    return wire::VmaKind::anonymous;
}

Result<std::vector<wire::Vma>> to_vmas(
    std::vector<Mapping> const& mappings, uint64_t region, FindSegment const& segment_of) {
    std::vector<wire::Vma> vmas;
    for (Mapping const& mapping : mappings) {
        if (is_foreign(mapping, region)) continue;
        wire::Vma vma;
        vma.start = mapping.start;
        vma.end = mapping.end;
        vma.prot = static_cast<uint8_t>(mapping.prot);
        vma.kind = kind_of(mapping);
        if (vma.kind != wire::VmaKind::vdso && vma.kind != wire::VmaKind::vvar)
            vma.advice = advice_of(mapping);
        if (vma.kind == wire::VmaKind::segment) {
            if (mapping.shared) vma.advice |= advice_shared;
            SegmentPlace place = TRY(segment_of(mapping));
            vma.segment = place.index;
            vma.offset = place.offset;
        }
        vmas.push_back(vma);
    }
    return vmas;
}

Status check_pages(std::vector<wire::Range> const& pages) {
    uint64_t last = 0;
    for (auto const& range : pages) {
        uint64_t end = range.address + range.length;
        if (range.address < last || end <= range.address || (range.address | end) % page != 0)
            return fail(EBADMSG, "pages out of order at {:#x}", range.address);
        last = end;
    }
    return {};
}

Status check_vmas(std::vector<wire::Vma> const& vmas, uint64_t region, size_t segments) {
    uint64_t last = page;
    for (wire::Vma const& vma : vmas) {
        if (vma.start < last || vma.end <= vma.start || vma.end > user_space_end)
            return fail(EBADMSG, "a layout out of order at {:#x}", vma.start);
        if ((vma.start | vma.end | vma.offset) % page != 0)
            return fail(EBADMSG, "a layout that is not of pages at {:#x}", vma.start);
        if (region != 0 && vma.start < region + wire::region_size && vma.end > region)
            return fail(EBADMSG, "a layout that overlaps the runtime at {:#x}", vma.start);
        if (vma.kind > wire::VmaKind::vvar || vma.prot > 7)
            return fail(EBADMSG, "a mapping of unknown kind at {:#x}", vma.start);
        if (vma.kind == wire::VmaKind::segment && vma.segment >= segments)
            return fail(EBADMSG, "a mapping of an unknown segment at {:#x}", vma.start);
        last = vma.end;
    }
    return {};
}

namespace {

using What = Step::What;

// Advice that a kept or new mapping lacks or has too much.
void add_advice(
    std::vector<Step>& steps, uint64_t address, uint64_t length, uint16_t is, uint16_t wanted) {
    struct Row {
        uint16_t bit;
        int on, off;
    };
    static constexpr Row rows[] = {{advice_dontfork, MADV_DONTFORK, MADV_DOFORK},
        {advice_dontdump, MADV_DONTDUMP, MADV_DODUMP},
        {advice_wipeonfork, MADV_WIPEONFORK, MADV_KEEPONFORK}, {advice_nohuge, MADV_NOHUGEPAGE, -1},
        {advice_huge, MADV_HUGEPAGE, -1}, {advice_mergeable, MADV_MERGEABLE, MADV_UNMERGEABLE}};
    for (Row const& row : rows) {
        if ((is & row.bit) == (wanted & row.bit)) continue;
        int advice = (wanted & row.bit) != 0 ? row.on : row.off;
        if (advice < 0) continue;
        steps.push_back({What::advise, address, length, 0, static_cast<uint64_t>(advice)});
    }
}

bool fixed_by_kernel(wire::Vma const& vma) {
    return vma.kind == wire::VmaKind::vdso || vma.kind == wire::VmaKind::vvar;
}

void map_new(
    std::vector<Step>& steps, wire::Vma const& vma, size_t index, uint64_t start, uint64_t end) {
    bool segment = vma.kind == wire::VmaKind::segment;
    steps.push_back(
        {segment ? What::map_segment : What::map_anonymous, start, end - start, vma.prot, index});
    add_advice(steps, start, end - start, 0, vma.advice);
}

} // namespace

std::vector<Step> reconcile(std::vector<Mapping> const& present,
    std::vector<wire::Vma> const& wanted, uint64_t region,
    std::function<bool(Mapping const&, wire::Vma const&)> const& keeps) {
    std::vector<Step> steps;
    // What nobody wants any more, piece by piece.
    for (Mapping const& mapping : present) {
        if (is_foreign(mapping, region) || is_vdso(mapping)) continue;
        uint64_t at = mapping.start;
        for (wire::Vma const& vma : wanted) {
            if (vma.end <= at || vma.start >= mapping.end) continue;
            if (vma.start > at) steps.push_back({What::unmap, at, vma.start - at});
            at = std::max(at, vma.end);
        }
        if (at < mapping.end) steps.push_back({What::unmap, at, mapping.end - at});
    }
    for (size_t i = 0; i < wanted.size(); ++i) {
        wire::Vma const& vma = wanted[i];
        if (fixed_by_kernel(vma)) continue;
        uint64_t at = vma.start;
        for (Mapping const& mapping : present) {
            if (is_foreign(mapping, region) || is_vdso(mapping)) continue;
            uint64_t start = std::max(mapping.start, vma.start),
                     end = std::min(mapping.end, vma.end);
            if (start >= end) continue;
            bool good = false;
            if (vma.kind == wire::VmaKind::segment)
                good = keeps(mapping, vma);
            else if (!mapping.shared)
                good = mapping.inode == 0 || keeps(mapping, vma);
            if (!good) continue;
            if (start > at) {
                // A stack grows by being touched; another mapping there would end its growth.
                if (vma.kind == wire::VmaKind::stack && mapping.has("gd") && at == vma.start)
                    steps.push_back({What::grow_stack, at, start - at});
                else
                    map_new(steps, vma, i, at, start);
            }
            if (mapping.prot != vma.prot)
                steps.push_back({What::protect, start, end - start, vma.prot});
            add_advice(steps, start, end - start, advice_of(mapping), vma.advice);
            at = end;
        }
        if (at < vma.end) map_new(steps, vma, i, at, vma.end);
    }
    return steps;
}

} // namespace rove::image
