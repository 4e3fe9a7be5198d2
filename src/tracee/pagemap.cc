// SPDX-License-Identifier: Apache-2.0
// Pagemap: the scan and its fallback.
#include "tracee/pagemap.hh"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "sys/files.hh"

namespace rove::tracee {

namespace {

// As linux/fs.h of 6.7 has it; the distribution's headers are older.
struct ScanArgument {
    uint64_t size, flags, start, end, walk_end, regions, region_count, pages_max;
    uint64_t inverted, all_of, any_of, returned;
};
constexpr unsigned long scan_request = _IOWR('f', 16, ScanArgument);
constexpr uint64_t is_watched = 1 << 0, is_written = 1 << 1;
constexpr uint64_t is_file = 1 << 2, is_present = 1 << 3, is_swapped = 1 << 4, is_zero = 1 << 5;
constexpr size_t regions_max = 1024;
constexpr uint64_t page = 4096;

void append(std::vector<wire::Range>& ranges, uint64_t start, uint64_t end) {
    if (!ranges.empty() && ranges.back().address + ranges.back().length == start)
        ranges.back().length += end - start;
    else
        ranges.push_back({start, end - start});
}

} // namespace

struct Pagemap::PageRegion {
    uint64_t start, end, categories;
};

// All of one set, none of the second, and one of a third. What is asked for decides on the time: a
// page that need not be told takes 3 ns, one that is told 10. Whose a page is the kernel can only
// tell by looking at its descriptor, which is not in the cache: 40 ns.
struct Pagemap::Wanted {
    uint64_t all, none;
    uint64_t any = is_present | is_swapped;
    uint64_t inverted = none; // of all sets: it is wanted that they are not
    uint64_t flags = 0;
};

Result<Pagemap> Pagemap::open(pid_t pid) {
    return Pagemap(TRY(sys::open(fmt::format("/proc/{}/pagemap", pid), O_RDONLY)));
}

Status Pagemap::private_pages(
    uint64_t start, uint64_t end, Backing backing, std::vector<wire::Range>& ranges) const {
    if (backing == Backing::nothing) {
        // There are more pages that hold something than others.
        std::vector<PageRegion> others;
        if (TRY(scan(start, end, {0, 0, is_present | is_zero, is_present}, others))) {
            std::erase_if(others, [](auto const& it) { return (it.categories & is_swapped) != 0; });
            for (auto const& other : others) {
                if (start < other.start) append(ranges, start, other.start);
                start = other.end;
            }
            if (start < end) append(ranges, start, end);
            return {};
        }
    } else if (TRY(scan(start, end, {0, is_file | is_zero}, ranges))) {
        return {};
    }
    return read(start, end, ranges);
}

Result<bool> Pagemap::suspect_pages(
    uint64_t start, uint64_t end, std::vector<wire::Range>& ranges) const {
    // Swapped ones, too: the mark that MADV_DONTNEED leaves in a private mapping of a file looks
    // like such a page.
    std::vector<wire::Range> unwatched;
    if (!TRY(scan(start, end, {is_watched, 0, is_written | is_swapped}, ranges)) ||
        !TRY(scan(start, end, {0, is_watched}, unwatched)))
        return false;
    ranges.insert(ranges.end(), unwatched.begin(), unwatched.end());
    std::sort(ranges.begin(), ranges.end(),
        [](auto const& a, auto const& b) { return a.address < b.address; });
    return true;
}

Result<bool> Pagemap::take_written_pages(
    uint64_t start, uint64_t end, Backing backing, std::vector<wire::Range>& ranges) const {
    constexpr uint64_t protect_found = 1;
    Wanted wanted{is_watched | is_written, is_zero};
    if (backing == Backing::file) wanted.none |= is_file;
    wanted.inverted = wanted.none;
    wanted.flags = protect_found;
    return scan(start, end, wanted, ranges);
}

// False if the kernel does not have it.
Result<bool> Pagemap::scan(
    uint64_t start, uint64_t end, Wanted const& wanted, std::vector<PageRegion>& found) const {
    std::vector<PageRegion> regions(regions_max);
    while (start < end) {
        ScanArgument argument{};
        argument.size = sizeof argument;
        argument.flags = wanted.flags;
        argument.start = start;
        argument.end = end;
        argument.regions = reinterpret_cast<uint64_t>(regions.data());
        argument.region_count = regions_max;
        argument.inverted = wanted.inverted;
        argument.all_of = wanted.all | wanted.none;
        argument.any_of = wanted.any;
        argument.returned = is_swapped;
        int count = ::ioctl(file_.number(), scan_request, &argument);
        if (count < 0 && (errno == ENOTTY || errno == EINVAL)) return false;
        if (count < 0) return fail(errno, "cannot scan pages at {:#x}", start);
        // Not from `walk_end`: once the kernel has emptied its own buffer of 512 regions on the
        // way, it says where that was.
        if (count == 0) break;
        found.insert(found.end(), regions.begin(), regions.begin() + count);
        start = found.back().end;
    }
    return true;
}

Result<bool> Pagemap::scan(
    uint64_t start, uint64_t end, Wanted const& wanted, std::vector<wire::Range>& ranges) const {
    std::vector<PageRegion> found;
    if (!TRY(scan(start, end, wanted, found))) return false;
    for (auto const& region : found)
        append(ranges, region.start, region.end);
    return true;
}

Status Pagemap::read(uint64_t start, uint64_t end, std::vector<wire::Range>& ranges) const {
    uint64_t entries[512];
    while (start < end) {
        size_t count = std::min<uint64_t>((end - start) / page, 512);
        ssize_t got =
            ::pread(file_.number(), entries, count * 8, static_cast<off_t>(start / page * 8));
        if (got < 0) return fail(errno, "cannot read the page map at {:#x}", start);
        if (got < 8) break;
        for (size_t i = 0; i < static_cast<size_t>(got) / 8; ++i) {
            bool here = (entries[i] >> 62) != 0;
            bool of_file = (entries[i] >> 61 & 1) != 0;
            if (here && !of_file) append(ranges, start + i * page, start + (i + 1) * page);
        }
        start += static_cast<uint64_t>(got) / 8 * page;
    }
    return {};
}

} // namespace rove::tracee
