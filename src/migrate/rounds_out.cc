// SPDX-License-Identifier: Apache-2.0
// Rounds out: pages of a process go to its host while it still runs at home.
//
// At home nobody intercepts the program: it maps, unmaps, moves, forks and executes as it likes.
// So nothing that was found out before counts at the freeze. Each round, and the freeze, compares
// the list of mappings with what the host was told; a page counts as there only if it was sent
// since it was last asked for, if the kernel has seen no write to it since (userfaultfd's
// asynchronous write protection, which also what is mapped anew lacks), and if the host still maps
// what it was sent into.
#include <cstring>

#include "base/fault.hh"
#include "base/log.hh"
#include "image/layout.hh"
#include "migrate/steward.hh"
#include "sys/sockets.hh"
#include "tracee/pagemap.hh"
#include "warden/page_stream.hh"

namespace rove::migrate {

using wire::SessionType;

namespace {

constexpr uint64_t user_space_end = 0x7ffffffff000;
constexpr uint64_t page = 4096;
constexpr Nanos send_patience = std::chrono::seconds(2);
constexpr Nanos taken_patience = std::chrono::seconds(30);

bool is_shared(wire::Vma const& vma) {
    return (vma.advice & image::advice_shared) != 0;
}

} // namespace

// Nothing if rounds are not worth it, or not possible: then everything is sent in the freeze.
// `cut`: that has begun already, see Body::make_userfaults.
Result<std::unique_ptr<Steward::Outward>> Steward::begin_outward(std::vector<wire::Vma> told,
    uint64_t bytes, Rounds const& rounds, Progress& progress, std::optional<tracee::Tracee>& cut) {
    // What a device writes into memory that was handed to it before, the kernel does not see.
    if (!rounds.worth(bytes) || !warden::WriteWatch::follows_moves() ||
        tracee::has_direct_file(body_.pid()))
        return nullptr;
    Nanos stood{0};
    auto made = body_.make_userfaults(stood, cut);
    progress.stopped += stood;
    if (!made && (made.error().gone() || made.error().code == EIO)) return Failure(made.error());
    auto watch = made ? warden::WriteWatch::begin(std::move(*made), {}, {})
                      : Result<warden::WriteWatch>(Failure(made.error()));
    if (watch)
        return std::unique_ptr<Outward>(new Outward{std::move(*watch), Copy(std::move(told))});
    LOG(note, "nothing is sent ahead: {}", watch.error().sentence());
    return nullptr;
}

Status Steward::send_ahead(Session& session, Fd const& pages, Survey& found, Outward& outward,
    Rounds& rounds, Progress& progress) {
    FAULT_POINT("ahead_watched");
    for (;;) {
        if (!std::exchange(outward.looked, false)) TRY(lay_out_ahead(session, found, outward));
        auto written = TRY(take_written(outward.copy.layout()));
        outward.copy.outdate(written);
        auto wanted = outward.copy.takes(written);
        uint64_t bytes = wire::bytes_of(wanted);
        auto refresh = [&] { return refresh_flags(body_.pid(), body_.region(), found, refusal_); };
        if (rounds.next(bytes) == Rounds::Next::freeze || tracee::has_direct_file(body_.pid())) {
            bool late = rounds.worth(bytes) && host_takes_late_ && !never_late(mode_);
            if (late) TRY(give_up_ahead(session, found, outward, wanted));
            return refresh();
        }
        Nanos began = monotonic_now();
        TRY(send_round(session, pages, wanted, outward, refresh));
        rounds.gone(bytes, monotonic_now() - began);
        progress.bytes += bytes;
        progress.ahead += bytes;
        FAULT_POINT("ahead_round");
    }
}

// What the program has mapped since, the host maps as well, and it is watched from now on. What is
// there of it already counts as written.
Status Steward::lay_out_ahead(Session& session, Survey& found, Outward& outward) {
    found.mappings = TRY(read_mappings(body_.pid(), found.mappings));
    hide_watch(found.mappings);
    TRY(check_mappings(body_.pid(), found.mappings, body_.region(), refusal_));
    auto steady = steady_mappings(found.mappings);
    auto layout = TRY(layout_of(steady));
    if (layout.vmas != outward.copy.layout()) {
        TRY(session.send(SessionType::forecast, layout));
        TRY(await_prepared(session));
        outward.copy.lay_out(std::move(layout.vmas));
    }
    std::vector<wire::Vma> own = outward.copy.layout();
    std::erase_if(own, is_shared);
    outward.watch.widen(own);
    return {};
}

// What has been mapped since that list was read is not watched.
Result<Ranges> Steward::take_written(std::vector<wire::Vma> const& vmas) {
    Ranges written;
    auto pagemap = TRY(tracee::Pagemap::open(body_.pid()));
    for (auto const& vma : vmas)
        if (!TRY(pagemap.take_written_pages(vma.start, vma.end, tracee::backing_of(vma), written)))
            return fail(ENOTSUP, "the kernel does not tell which pages were written");
    return written;
}

// A page that has been unmapped meanwhile is sent as zeros: it is asked for again, or forgotten.
Status Steward::send_round(Session& session, Fd const& pages, Ranges const& ranges,
    Outward& outward, std::function<Status()> const& meanwhile) {
    TRY(sys::set_io_timeout(pages.number(), send_patience));
    TRY(session.send(SessionType::ahead));
    auto staging = TRY(warden::Staging::make(wire::bytes_of(ranges)));
    Ranges unread;
    auto read_hard = [&](uint64_t from, void* to, size_t count) -> Status {
        for (size_t at = 0; at < count; at += page) {
            char* place = static_cast<char*>(to) + at;
            if (body_.memory().read_forced(from + at, place, page)) continue;
            std::memset(place, 0, page);
            unread.push_back({from + at, page});
        }
        return {};
    };
    warden::PageStream stream(
        body_.pid(), read_hard, pages.number(), staging, session.landing().token);
    TRY(stream.begin(send_patience));
    for (auto const& range : ranges) {
        for (uint64_t at = 0; at < range.length;) {
            uint64_t added = stream.add(range.address + at, range.length - at);
            at += added;
            if (added != 0 && at == range.length) continue;
            TRY(stream.flush());
            TRY(keep_sessions());
        }
    }
    TRY(stream.end());
    TRY(sys::set_io_timeout(pages.number(), Nanos(0)));
    TRY(meanwhile());
    TRY(session.wait({SessionType::ahead_taken}, taken_patience));
    outward.copy.add(ranges);
    outward.copy.outdate(unread);
    return {};
}

// In the freeze: which pages the host lacks; those that it must not have any more it is told.
Result<Ranges> Steward::missing_there(
    Session& session, wire::Layout const& layout, Outward& outward) {
    Ranges suspect;
    auto pagemap = TRY(tracee::Pagemap::open(body_.pid()));
    if (!TRY(pagemap.suspect_pages(0, user_space_end, suspect))) suspect = layout.present;
    outward.copy.lay_out(layout.vmas);
    wire::Pages surplus{outward.copy.surplus(layout.present)};
    if (!surplus.ranges.empty()) TRY(session.send(SessionType::forget, surplus));
    return outward.copy.missing(layout.present, suspect);
}

} // namespace rove::migrate
