// SPDX-License-Identifier: Apache-2.0
// Room: a guest that begins is a copy of its warden. All of that goes, and what the kernel gives
// every program, the vdso with its clocks, comes to where home has it.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "image/vdso.hh"
#include "sys/files.hh"
#include "sys/vdso.hh"
#include "warden/mapping.hh"
#include "warden/numbers.hh"
#include "warden/warden.hh"

namespace rove::warden {

using wire::ExecCall;
using wire::Vma;
using wire::VmaKind;

namespace {

bool from_kernel(Vma const& vma) {
    return vma.kind == VmaKind::vdso || vma.kind == VmaKind::vvar;
}

} // namespace

// The segment that is home's vdso, if this kernel's own would not do: it is another, or its wall
// clock is.
std::optional<uint32_t> Warden::other_vdso() const {
    auto own = sys::own_vdso();
    for (auto const& vma : target_.vmas) {
        if (vma.kind != VmaKind::vdso) continue;
        if (!own || wall_ahead() != 0 || target_.segments[vma.segment] != key_of(*own))
            return vma.segment;
    }
    return std::nullopt;
}

// Home's functions as system calls, and nothing where their clocks were: whoever looks there by
// himself ends, instead of reading what means something else.
Result<std::vector<ExecCall>> Warden::replace_vdso(std::vector<Vma> const& vmas, uint32_t index) {
    constexpr uint64_t image_max = 1 << 20;
    auto const& key = target_.segments[index];
    if (key.length > image_max) return fail(EBADMSG, "home's vdso has {} bytes", key.length);
    std::string image(key.length, '\0');
    if (::pread(segments_.number(index), image.data(), image.size(), 0) !=
        static_cast<ssize_t>(image.size()))
        return fail(EIO, "cannot read the vdso of home's kernel");
    int file = TRY(segments_.replace_vdso(index, TRY(image::vdso_of_calls(std::move(image)))));
    builder_.give(TRY(sys::duplicate(file)), static_cast<uint64_t>(vdso_number),
        [](wire::ExecReply const&, std::string_view) {});
    std::vector<ExecCall> calls;
    for (auto const& vma : vmas) {
        if (!from_kernel(vma)) continue;
        // From the file, all of them: the kernel would merge anonymous ones with their neighbours.
        uint64_t prot = vma.kind == VmaKind::vdso ? PROT_READ | PROT_EXEC : PROT_NONE;
        calls.push_back(call_of(SYS_mmap,
            {vma.start, vma.end - vma.start, prot, MAP_PRIVATE | MAP_FIXED,
                static_cast<uint64_t>(vdso_number), 0},
            static_cast<int64_t>(vma.start)));
    }
    calls.push_back(call_of(SYS_close, {static_cast<uint64_t>(vdso_number)}, 0));
    return calls;
}

// The kernel's mappings wait in the region, since their old and new places may overlap.
Result<std::vector<ExecCall>> Warden::clear_address_space(std::vector<Vma> const& vmas) {
    std::vector<ExecCall> calls;
    struct Move {
        uint64_t from, to, length, parked;
    };
    std::vector<Move> moves;
    uint64_t const spare = wire::slot_address(prepare_->region, spare_slot);
    uint64_t parked = spare;
    auto other = other_vdso();
    std::vector<image::Mapping> own;
    for (auto const& mapping : TRY(guest_->maps()))
        if (mapping.path == "[vdso]" || mapping.path.starts_with("[vvar")) own.push_back(mapping);
    size_t at = 0;
    for (auto const& vma : vmas) {
        if (!from_kernel(vma) || other) continue;
        bool fits = at < own.size() && (own[at].path == "[vdso]") == (vma.kind == VmaKind::vdso) &&
                    own[at].size() == vma.end - vma.start;
        if (!fits) return fail(ENOTSUP, "this host's kernel has its clocks elsewhere");
        moves.push_back({own[at].start, vma.start, own[at].size(), parked});
        parked += own[at].size();
        ++at;
    }
    // A program may have unmapped all of it.
    if (!other && at != 0 && (at != own.size() || parked > spare + wire::slot_size))
        return fail(ENOTSUP, "this host's kernel has more clocks");
    for (auto const& move : moves)
        calls.push_back(call_of(SYS_mremap,
            {move.from, move.length, move.length, MREMAP_MAYMOVE | MREMAP_FIXED, move.parked},
            static_cast<int64_t>(move.parked)));
    uint64_t region_end = prepare_->region + wire::region_size;
    calls.push_back(call_of(SYS_munmap, {0, prepare_->region}, 0));
    calls.push_back(call_of(SYS_munmap, {region_end, address_end - region_end}, 0));
    for (auto const& move : moves)
        calls.push_back(call_of(SYS_mremap,
            {move.parked, move.length, move.length, MREMAP_MAYMOVE | MREMAP_FIXED, move.to},
            static_cast<int64_t>(move.to)));
    if (other) {
        auto replaced = TRY(replace_vdso(vmas, *other));
        calls.insert(calls.end(), replaced.begin(), replaced.end());
    }
    calls.push_back(call_of(SYS_mmap,
        {spare, wire::slot_size, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, ~0ull, 0},
        static_cast<int64_t>(spare)));
    calls.push_back(call_of(SYS_madvise, {spare, wire::slot_size, MADV_DONTDUMP}, whatever_result));
    return calls;
}

} // namespace rove::warden
