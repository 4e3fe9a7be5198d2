// SPDX-License-Identifier: Apache-2.0
// Patches: where a guest may patch its call sites (see guest/patch.cc), and how that is undone when
// it parks.
//
// The runtime patches, but cannot know what is mapped; so it is told which texts there are and how
// much room their files leave unused at the end. What it has patched stands in its control page,
// which is the guest's own: at worst it makes us write a `mov` into its own memory.
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "warden/mapping.hh"
#include "warden/warden.hh"

namespace rove::warden {

using wire::Control;
using wire::PatchSite;
using wire::PatchText;
using wire::Range;
using wire::VmaKind;

namespace {

constexpr uint64_t page = 4096;
constexpr uint64_t guard = 64; // zeros that belong to what lies before them
constexpr uint64_t least = 64; // room for a detour or two
constexpr uint64_t text_max = 1ull << 30;

bool has_fsgsbase() {
    constexpr unsigned long hwcap2_fsgsbase = 1 << 1;
    return (getauxval(AT_HWCAP2) & hwcap2_fsgsbase) != 0;
}

bool meets(std::vector<Range> const& ranges, uint64_t start, uint64_t end) {
    return std::any_of(ranges.begin(), ranges.end(), [&](Range const& range) {
        return range.address < end && range.address + range.length > start;
    });
}

/// Zeros behind the file's end.
std::array<char, page> page_of_file(int fd, uint64_t offset) {
    std::array<char, page> bytes{};
    (void)pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    return bytes;
}

} // namespace

Status Warden::offer_patches() const {
    bool uses_gs = std::any_of(
        state_->threads.begin(), state_->threads.end(), [](wire::ThreadImage const& image) {
            wire::ThreadState thread;
            std::memcpy(&thread, image.thread_state.data(), sizeof thread);
            return thread.gs_base != 0;
        });
    if (prepare_->no_patch != 0 || !has_fsgsbase() || uses_gs) return {};
    std::vector<PatchText> texts;
    for (auto const& vma : target_.vmas) {
        bool ordinary =
            vma.kind == VmaKind::segment ||
            vma.kind == VmaKind::anonymous; // a file that was mapped while away is anonymous
        if (!ordinary || vma.prot != (PROT_READ | PROT_EXEC) || vma.end - vma.start > text_max)
            continue;
        if (texts.size() == wire::patch_texts_max) break;
        std::array<char, page> bytes;
        if (!guest_->read(vma.end - page, bytes.data(), bytes.size())) continue;
        auto used = std::find_if(bytes.rbegin(), bytes.rend(), [](char byte) { return byte != 0; });
        auto zeros = static_cast<uint64_t>(used - bytes.rbegin());
        if (zeros < guard + least) continue;
        PatchText text{
            vma.start, vma.end, (vma.end - zeros + guard + 7) & ~uint64_t{7}, vma.end, 0, {}};
        if (page - zeros < sizeof text.tail) continue;
        text.tail_address = vma.end - zeros - sizeof text.tail;
        std::memcpy(text.tail, bytes.data() + page - zeros - sizeof text.tail, sizeof text.tail);
        texts.push_back(text);
    }
    TRY(guest_->write(guest_->control_field(offsetof(Control, patch_texts)), texts.data(),
        texts.size() * sizeof texts[0]));
    TRY(guest_->put(guest_->control_field(offsetof(Control, patch_texts_count)),
        static_cast<uint32_t>(texts.size())));
    return guest_->put(guest_->control_field(offsetof(Control, patch_allowed)), uint32_t{1});
}

/// Is the guest's page what its file has there?
bool Warden::as_in_file(std::vector<wire::Vma> const& vmas, uint64_t address) const {
    auto vma = std::find_if(vmas.begin(), vmas.end(), [&](wire::Vma const& one) {
        return one.kind == VmaKind::segment && one.start <= address && address < one.end;
    });
    if (vma == vmas.end()) return false;
    std::array<char, page> now;
    return guest_->read(address, now.data(), now.size()) &&
           now ==
               page_of_file(segments_.number(vma->segment), vma->offset + (address - vma->start));
}

/// The pages that are as their file has them again.
Result<std::vector<Range>> Warden::take_patches_back(std::vector<wire::Vma> const& vmas) const {
    std::vector<Range> pages;
    auto count = std::min(
        TRY(guest_->get<uint32_t>(guest_->control_field(offsetof(Control, patch_sites_count)))),
        wire::patch_sites_max);
    if (count == 0) return pages;
    auto restore = [&](uint64_t address, void const* bytes, size_t length) -> Status {
        pages.push_back({address & ~(page - 1), page});
        return guest_->write_forced(address, bytes, length);
    };
    for (uint32_t i = 0; i < count; ++i) {
        auto site = TRY(guest_->get<PatchSite>(
            guest_->control_field(offsetof(Control, patch_sites) + i * sizeof(PatchSite))));
        // Something else may be mapped there by now.
        unsigned char now[5];
        int32_t offset;
        bool patched = guest_->read(site.address, now, sizeof now) && now[0] == 0xe9;
        std::memcpy(&offset, now + 1, sizeof offset);
        if (!patched || site.address + sizeof now + static_cast<uint64_t>(int64_t{offset}) !=
                            site.detour + wire::detour_code)
            continue;
        unsigned char mov[5] = {0xb8};
        auto number = static_cast<uint32_t>(site.number);
        std::memcpy(mov + 1, &number, sizeof number);
        TRY(restore(site.address, mov, sizeof mov));
        constexpr char zeros[wire::detour_size] = {};
        TRY(restore(site.detour, zeros, sizeof zeros));
    }
    TRY(guest_->put(guest_->control_field(offsetof(Control, patch_sites_count)), uint32_t{0}));
    TRY(offer_patches());
    std::sort(pages.begin(), pages.end(),
        [](Range const& a, Range const& b) { return a.address < b.address; });
    pages.erase(std::unique(pages.begin(), pages.end(),
                    [](Range const& a, Range const& b) { return a.address == b.address; }),
        pages.end());
    // One that the program has written to as well must travel.
    std::erase_if(pages, [&](Range const& one) {
        return meets(target_.present, one.address, one.address + page) ||
               !as_in_file(vmas, one.address);
    });
    return pages;
}

} // namespace rove::warden
