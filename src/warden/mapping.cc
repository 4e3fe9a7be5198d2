// SPDX-License-Identifier: Apache-2.0
// Mapping: see mapping.hh.
#include "warden/mapping.hh"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <set>

#include "image/layout.hh"
#include "warden/builder.hh"
#include "warden/numbers.hh"

namespace rove::warden {

using wire::ExecCall;
using wire::Layout;
using wire::Range;
using wire::Vma;
using wire::VmaKind;

namespace {

constexpr uint64_t page = 4096;

struct Advice {
    uint16_t bit;
    int set, clear; // madvise values; -1: there is no way back
};
constexpr Advice advices[] = {
    {1, MADV_DONTFORK, MADV_DOFORK},
    {2, MADV_DONTDUMP, MADV_DODUMP},
    {4, MADV_WIPEONFORK, MADV_KEEPONFORK},
    {8, MADV_NOHUGEPAGE, -1},
    {16, MADV_HUGEPAGE, -1},
    {64, MADV_MERGEABLE, MADV_UNMERGEABLE},
};
constexpr uint16_t noreserve_bit = 128;
constexpr uint16_t advised_bits = 1 | 2 | 4 | 8 | 16 | 64;

bool fixed_kind(VmaKind kind) {
    return kind == VmaKind::vdso || kind == VmaKind::vvar;
}

Vma cut(Vma const& vma, uint64_t start, uint64_t end) {
    Vma part = vma;
    part.offset = vma.kind == VmaKind::segment ? vma.offset + (start - vma.start) : 0;
    part.start = start;
    part.end = end;
    return part;
}

// Same bytes at the same place: `b` could be the mapping that `a` already is.
bool same_origin(Vma const& a, Vma const& b) {
    if (a.kind != b.kind) return false;
    if ((a.advice ^ b.advice) & (noreserve_bit | image::advice_shared)) return false;
    return a.kind != VmaKind::segment || (a.segment == b.segment && a.offset == b.offset);
}

bool continues(Vma const& a, Vma const& b) {
    if (a.end != b.start || a.kind != b.kind || a.prot != b.prot || a.advice != b.advice)
        return false;
    if (a.kind != VmaKind::segment) return true;
    return a.segment == b.segment && a.offset + (a.end - a.start) == b.offset;
}

void append(std::vector<Vma>& list, Vma const& part) {
    if (!list.empty() && continues(list.back(), part)) {
        list.back().end = part.end;
    } else {
        list.push_back(part);
    }
}

// The vma of a sorted list that holds `address`; `at` only moves forward.
Vma const* find(std::vector<Vma> const& list, size_t& at, uint64_t address) {
    while (at < list.size() && list[at].end <= address)
        ++at;
    return at < list.size() && list[at].start <= address ? &list[at] : nullptr;
}

void map(std::vector<ExecCall>& calls, Vma const& vma, SegmentNumber const& number_of) {
    uint64_t flags = MAP_FIXED;
    flags |= (vma.advice & image::advice_shared) != 0 ? MAP_SHARED : MAP_PRIVATE;
    uint64_t fd = ~0ull;
    if (vma.kind == VmaKind::segment) {
        fd = static_cast<uint64_t>(number_of(vma.segment));
    } else {
        flags |= MAP_ANONYMOUS;
    }
    if (vma.kind == VmaKind::stack) flags |= MAP_GROWSDOWN;
    if (vma.advice & noreserve_bit) flags |= MAP_NORESERVE;
    calls.push_back(
        call_of(SYS_mmap, {vma.start, vma.end - vma.start, vma.prot, flags, fd, vma.offset},
            static_cast<int64_t>(vma.start)));
}

void advise(std::vector<ExecCall>& calls, Vma const& vma, uint16_t before) {
    for (auto const& advice : advices) {
        bool was = before & advice.bit, is = vma.advice & advice.bit;
        int value = is && !was ? advice.set : was && !is ? advice.clear : -1;
        // Not every kernel is built with all of these, and none changes what a program computes
        // except wipe-on-fork.
        if (value >= 0)
            calls.push_back(
                call_of(SYS_madvise, {vma.start, vma.end - vma.start, static_cast<uint64_t>(value)},
                    value == MADV_WIPEONFORK ? 0 : whatever_result));
    }
}

struct Differences {
    std::vector<Vma> gone, fresh, protect;
    std::vector<std::pair<Vma, uint16_t>> advised; // with the advice before
};

Differences differences(std::vector<Vma> const& from, std::vector<Vma> const& to) {
    std::set<uint64_t> edges;
    for (auto const* list : {&from, &to})
        for (auto const& vma : *list)
            if (!fixed_kind(vma.kind)) edges.insert({vma.start, vma.end});

    Differences found;
    size_t from_at = 0, to_at = 0;
    uint64_t start = 0;
    for (uint64_t edge : edges) {
        uint64_t begin = start;
        start = edge;
        if (begin == 0 && edge == *edges.begin()) continue;
        Vma const* old_vma = find(from, from_at, begin);
        Vma const* new_vma = find(to, to_at, begin);
        if (old_vma && fixed_kind(old_vma->kind)) old_vma = nullptr;
        if (new_vma && fixed_kind(new_vma->kind)) continue;
        if (!new_vma) {
            if (old_vma) append(found.gone, Vma{begin, edge});
            continue;
        }
        Vma after = cut(*new_vma, begin, edge);
        if (!old_vma || !same_origin(cut(*old_vma, begin, edge), after)) {
            append(found.fresh, after);
            continue;
        }
        if (old_vma->prot != after.prot) append(found.protect, after);
        if ((old_vma->advice ^ after.advice) & advised_bits)
            found.advised.emplace_back(after, old_vma->advice);
    }
    return found;
}

} // namespace

std::vector<Range> remade(std::vector<Vma> const& from, std::vector<Vma> const& to) {
    auto found = differences(from, to);
    std::vector<Range> ranges;
    for (auto const* list : {&found.gone, &found.fresh})
        for (auto const& vma : *list)
            ranges.push_back({vma.start, vma.end - vma.start});
    std::sort(ranges.begin(), ranges.end(),
        [](auto const& a, auto const& b) { return a.address < b.address; });
    return ranges;
}

ExecCall call_of(uint64_t number, std::vector<uint64_t> const& args, int64_t want) {
    ExecCall call{};
    call.number = number;
    std::copy(args.begin(), args.end(), call.args);
    call.want = want;
    return call;
}

std::vector<ExecCall> mapping_calls(
    std::vector<Vma> const& from, std::vector<Vma> const& to, SegmentNumber const& number_of) {
    auto [gone, fresh, protect, advised] = differences(from, to);
    std::vector<ExecCall> calls;
    for (auto const& vma : gone)
        calls.push_back(call_of(SYS_munmap, {vma.start, vma.end - vma.start}, 0));
    for (auto const& vma : fresh) {
        map(calls, vma, number_of);
        advise(calls, vma, 0);
    }
    for (auto const& vma : protect)
        calls.push_back(call_of(SYS_mprotect, {vma.start, vma.end - vma.start, vma.prot}, 0));
    for (auto const& [vma, before] : advised)
        advise(calls, vma, before);
    return calls;
}

std::vector<Vma> writable_where_present(
    std::vector<Vma> const& vmas, std::vector<Range> const& present) {
    std::vector<Vma> result = vmas;
    size_t at = 0;
    for (auto& vma : result) {
        while (at < present.size() && present[at].address + present[at].length <= vma.start)
            ++at;
        bool meets = at < present.size() && present[at].address < vma.end;
        if (meets && !fixed_kind(vma.kind) &&
            (vma.prot & (PROT_READ | PROT_WRITE)) != (PROT_READ | PROT_WRITE))
            vma.prot = PROT_READ | PROT_WRITE;
    }
    return result;
}

std::vector<uint32_t> segments_used(std::vector<Vma> const& vmas) {
    std::set<uint32_t> used;
    for (auto const& vma : vmas)
        if (vma.kind == VmaKind::segment) used.insert(vma.segment);
    return {used.begin(), used.end()};
}

Status check_layout(Layout const& layout, uint64_t region) {
    uint64_t end = 0;
    for (auto const& vma : layout.vmas) {
        if (vma.start % page || vma.end % page || vma.start >= vma.end || vma.end > address_end)
            return fail(EBADMSG, "the layout has a mapping at {:#x}-{:#x}", vma.start, vma.end);
        if (vma.start < end)
            return fail(EBADMSG, "the layout's mappings overlap at {:#x}", vma.start);
        if (vma.start < region + wire::region_size && vma.end > region)
            return fail(EBADMSG, "the layout maps {:#x} in the runtime's region", vma.start);
        if (vma.kind > VmaKind::vvar || (vma.prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC)))
            return fail(EBADMSG, "the layout has an unknown kind of mapping");
        if (vma.kind == VmaKind::segment) {
            bool shared = (vma.advice & image::advice_shared) != 0;
            if (vma.segment >= layout.segments.size() || vma.offset % page ||
                (layout.segments[vma.segment].commons != 0 ? !shared
                                                           : shared && (vma.prot & PROT_WRITE)))
                return fail(
                    EBADMSG, "the layout maps segment {} at {:#x}", vma.segment, vma.offset);
        } else if (vma.kind == VmaKind::vdso && vma.segment >= layout.segments.size()) {
            return fail(EBADMSG, "the layout's vdso is of segment {}", vma.segment);
        } else if ((vma.advice & image::advice_shared) != 0) {
            return fail(EBADMSG, "the layout shares memory at {:#x}", vma.start);
        }
        end = vma.end;
    }
    TRY(image::check_pages(layout.present));
    for (auto const& range : layout.present) {
        if (range.address + range.length > address_end)
            return fail(EBADMSG, "the layout has present pages at {:#x}", range.address);
        if (range.address < region + wire::region_size && range.address + range.length > region)
            return fail(EBADMSG, "the layout has present pages in the runtime's region");
    }
    return {};
}

std::vector<std::vector<wire::PageRange>> populate_batches(std::vector<Range> const& present) {
    constexpr size_t batch = wire::executor_inline_max / sizeof(wire::PageRange);
    std::vector<std::vector<wire::PageRange>> result;
    for (size_t at = 0; at < present.size(); at += batch) {
        auto& list = result.emplace_back();
        for (size_t i = at; i < std::min(present.size(), at + batch); ++i)
            list.push_back({present[i].address, present[i].length});
    }
    return result;
}

std::vector<Range> subtract(std::vector<Range> const& ranges, std::vector<Range> const& without) {
    std::vector<Range> rest;
    size_t at = 0;
    for (auto const& range : ranges) {
        uint64_t start = range.address, end = range.address + range.length;
        while (at < without.size() && without[at].address + without[at].length <= start)
            ++at;
        for (size_t i = at; i < without.size() && without[i].address < end && start < end; ++i) {
            if (without[i].address > start) rest.push_back({start, without[i].address - start});
            start = std::max(start, std::min(end, without[i].address + without[i].length));
        }
        if (start < end) rest.push_back({start, end - start});
    }
    return rest;
}

std::vector<Range> unite(std::vector<Range> const& a, std::vector<Range> const& b) {
    std::vector<Range> all, united;
    std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(all),
        [](auto const& x, auto const& y) { return x.address < y.address; });
    for (auto const& range : all) {
        if (united.empty() || range.address > united.back().address + united.back().length) {
            united.push_back(range);
            continue;
        }
        uint64_t end =
            std::max(united.back().address + united.back().length, range.address + range.length);
        united.back().length = end - united.back().address;
    }
    return united;
}

std::vector<Range> intersect(std::vector<Range> const& a, std::vector<Range> const& b) {
    return subtract(a, subtract(a, b));
}

std::vector<Range> worth_huge_pages(
    std::vector<Vma> const& vmas, std::vector<Range> const& present) {
    constexpr uint64_t large = 16 << 20;
    std::vector<Range> worth;
    size_t at = 0;
    for (auto const& vma : vmas) {
        uint64_t size = vma.end - vma.start, there = 0;
        while (at < present.size() && present[at].address + present[at].length <= vma.start)
            ++at;
        if (vma.kind != VmaKind::anonymous || size < large) continue;
        for (size_t i = at; i < present.size() && present[i].address < vma.end; ++i)
            there += std::min(vma.end, present[i].address + present[i].length) -
                     std::max(vma.start, present[i].address);
        if (there >= size / 10 * 9) worth.push_back({vma.start, size});
    }
    return worth;
}

} // namespace rove::warden
