// SPDX-License-Identifier: Apache-2.0
// Keep: what the host that a process has come home from still has of its memory, and what of that
// has changed since.
//
// The mirror of what home holds while a process is away (drop_pages in out.cc): from the moment in
// which it is home its writes are watched, as in the rounds on the way out, and its host keeps the
// guest's memory (warden/keep.cc). If it goes there again, that is a round that has been made
// already. Both last as long as the connection to the host.
#include <algorithm>

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/syscall.h>

#include "base/fault.hh"
#include "base/log.hh"
#include "image/layout.hh"
#include "migrate/steward.hh"
#include "sys/process.hh"
#include "sys/random.hh"
#include "warden/mapping.hh"

namespace rove::migrate {

using wire::SessionType;

namespace {

constexpr uint64_t watched_min = 1 << 20;

// What is worth it. A program may notice that memory is watched: an mremap over it and over what
// it has mapped beside it since fails. So all that is sent in a moment is left alone.
std::vector<wire::Vma> large_memory(std::vector<image::Mapping> const& mappings, uint64_t region) {
    std::vector<wire::Vma> own;
    for (auto const& mapping : mappings) {
        if (mapping.shared || mapping.inode != 0 || image::is_foreign(mapping, region) ||
            mapping.end - mapping.start < watched_min)
            continue;
        wire::Vma vma;
        vma.start = mapping.start;
        vma.end = mapping.end;
        own.push_back(vma);
    }
    return own;
}

} // namespace

// Begun while the program still runs there: to protect a gigabyte takes some milliseconds. What
// comes from now on is protected when it is there (fetch).
Status Steward::watch_return(std::vector<image::Mapping> const& mappings) {
    returning_.reset();
    bool worth = std::max(account().memory_bytes, wire::bytes_of(last_layout_.present)) >=
                 wire::kept_bytes_min;
    if (!worth || !warden::WriteWatch::follows_moves() || body_.afloat() || !deputys_ ||
        tracee::has_direct_file(body_.pid()))
        return {};
    warden::Userfaults ours;
    constexpr uint64_t flags = O_CLOEXEC | UFFD_USER_MODE_ONLY;
    for (Fd* place : {&ours.watch, &ours.probe}) {
        auto first = static_cast<uint64_t>(TRY(body_.control()).fd_first);
        auto made = body_.porter().perform(wire::ExecOp::userfault, {flags, first});
        if (!made) return made.error().gone() ? Status(Failure(made.error())) : Status{};
        auto taken = sys::pidfd_getfd(body_.pidfd(), static_cast<int>(made->result));
        (void)TRY(body_.porter().call(SYS_close, {static_cast<uint64_t>(made->result)}));
        if (!taken) return {};
        *place = std::move(*taken);
    }
    auto own = large_memory(mappings, body_.region());
    if (auto watch = warden::WriteWatch::begin(std::move(ours), own, held_)) {
        watch->widen(own);
        returning_.emplace(std::move(*watch));
    }
    return {};
}

// The process is home. False: nothing is kept, and the host can be let go.
bool Steward::keep_there(
    wire::Layout left, bool shares, std::vector<image::Mapping> const& mappings) {
    auto watch = std::exchange(returning_, std::nullopt);
    bool large = wire::bytes_of(left.present) >= wire::kept_bytes_min;
    auto stat = tracee::read_stat(body_.pid());
    auto name = sys::random_bytes(wire::kept_name_size);
    if (!watch || shares || !large || !stat || !name ||
        !session_->send(SessionType::keep, wire::Keep{*name}))
        return false;
    Copy copy(std::move(left.vmas));
    copy.add(left.present);
    session_->set_meanwhile(nullptr);
    kept_.emplace(Kept{std::move(*session_), host_, *name, stat->arg_start, stat->env_end,
        Outward{std::move(*watch), std::move(copy)}, mappings});
    return true;
}

// What the host says of it, or that it is no more.
void Steward::serve_kept() {
    if (!kept_) return;
    Status heard = kept_->session.receive();
    while (auto frame = kept_->session.take()) {
        if (frame->type != SessionType::kept) continue;
        auto changed = wire::decode<wire::Pages>(frame->body);
        if (!changed || !image::check_pages(changed->ranges)) return forget_kept();
        kept_->outward.copy.outdate(changed->ranges);
        kept_->known = true;
    }
    if (!heard || !kept_->session.sound() || kept_->session.silent_for() > deaf_limit ||
        !kept_->session.ping_if_due())
        forget_kept();
}

void Steward::forget_kept() {
    if (!kept_) return;
    (void)kept_->session.send(SessionType::let_go);
    kept_.reset();
}

// Whether it leaves for where that is, as the program that it was.
void Steward::check_kept(wire::Landing const& landing) {
    serve_kept();
    if (!kept_) return;
    auto stat = tracee::read_stat(body_.pid());
    bool same = stat && stat->arg_start == kept_->arg_start && stat->env_end == kept_->env_end;
    if (!kept_->known || !same || kept_->host != landing.node ||
        tracee::has_direct_file(body_.pid()))
        forget_kept();
}

// To read flags costs a look at all pages. Those that it came home with are good enough to begin
// with.
Result<Survey> Steward::survey_again() {
    Survey found =
        TRY(survey(body_.pid(), body_.region(), refusal_, kept_ ? "maps" : "smaps", false));
    if (!kept_) return found;
    found.flags_old = true;
    if (!image::carry_flags(found.mappings, kept_->mappings))
        TRY(refresh_flags(body_.pid(), body_.region(), found, refusal_));
    hide_watch(found.mappings);
    return found;
}

// The guest that has been prepared has that memory, or has not, and from now on is told of by its
// own session.
std::unique_ptr<Steward::Outward> Steward::take_kept(
    wire::Prepared const& prepared, std::vector<wire::Vma> const& told) {
    auto kept = std::exchange(kept_, std::nullopt);
    if (!kept || prepared.kept == 0 || !image::check_pages(prepared.lost)) return nullptr;
    auto outward = std::make_unique<Outward>(std::move(kept->outward));
    outward->watch.widen(told);
    outward->looked = true;
    outward->copy.lay_out(told);
    outward->copy.lose(prepared.lost);
    return outward;
}

} // namespace rove::migrate
