// SPDX-License-Identifier: Apache-2.0
// Postpone: a process goes on at its host while some of its pages are still here (post-copy).
//
// P keeps all of them until the host says that it has them. The steward reads them from outside, so
// nothing that the guest waits for waits for a deputy, or for the porter. It only answers: what is
// late the host knows, and tells another steward as well. Nobody parks a guest that waits for
// pages: before a move they all come.
#include <poll.h>

#include "base/fault.hh"
#include "base/log.hh"
#include "image/layout.hh"
#include "migrate/steward.hh"
#include "migrate/thread_pages.hh"
#include "sys/sockets.hh"
#include "tracee/proc.hh"
#include "warden/mapping.hh"

namespace rove::migrate {

using wire::SessionType;

namespace {

constexpr Nanos answer_patience = std::chrono::seconds(10);
constexpr Nanos ready_patience = std::chrono::seconds(60);
constexpr Nanos stalled_limit = std::chrono::seconds(10); // of a host that is sent pages
constexpr Nanos at_a_time = std::chrono::milliseconds(5); // then the others have their turn
constexpr int soon_ms = 1;

} // namespace

// In the freeze: of the pages that the host lacks, those that it gets when the program runs there.
Ranges Steward::postponed(wire::Layout const& layout, std::vector<wire::ThreadImage> const& threads,
    Ranges const& missing, Rounds const& rounds, Progress& progress) const {
    Left left;
    left.bytes = wire::bytes_of(missing);
    left.too_long = rounds.worth(left.bytes);
    left.ahead = progress.ahead != 0;
    left.able = host_takes_late_;
    left.device = tracee::has_direct_file(body_.pid());
    left.freeze = progress.freeze;
    auto choice = choose(mode_, left);
    progress.why = std::move(choice.why);
    if (!choice.late) return {};
    auto late = warden::subtract(
        may_be_late(layout, coarse(may_be_late(layout, missing))), needed_at_once(threads));
    if (late.empty()) progress.why += "; it is shared, or not its own, and went while it stood";
    return late;
}

// While the program runs: what has just been written will come late, and there must be nothing in
// its place then. To give up much takes the host a while, in which nothing is to stand still.
Status Steward::give_up_ahead(
    Session& session, Survey const& found, Outward& outward, Ranges const& written) {
    wire::Layout there;
    there.vmas = outward.copy.layout();
    auto old = may_be_late(there, coarse(warden::intersect(written, outward.copy.there())));
    if (old.empty()) return {};
    outward.copy.lose(old);
    TRY(session.send(SessionType::forget, wire::Pages{old}));
    auto layout = TRY(layout_of(steady_mappings(found.mappings)));
    layout.present = warden::subtract(layout.present, old);
    TRY(session.send(SessionType::forecast, layout));
    TRY(await_prepared(session));
    outward.copy.lay_out(std::move(layout.vmas));
    return {};
}

// Before the commit a guest may touch its memory already, on the way to its first instruction.
// A part of the pages that somebody has swallowed on the way is missed by nobody else: each part is
// a sealed stream of its own.
Status Steward::await_ready(Session& session, uint64_t sent) {
    for (;;) {
        auto frame =
            TRY(session.wait({SessionType::ready, SessionType::late_wanted}, ready_patience));
        if (frame.type == SessionType::ready) {
            auto ready = wire::decode<wire::Ready>(frame.body);
            if (ready && ready->bytes == sent) return {};
            return deny(EBADMSG, "{} bytes of memory were sent to {}, and {} have come", sent,
                session.landing().node, ready ? ready->bytes : 0);
        }
        TRY(send_late(session, frame.body));
    }
}

Status Steward::send_late(Session& session, std::string const& question) {
    auto wanted = wire::decode<wire::Pages>(question);
    if (!wanted || !image::check_pages(wanted->ranges) ||
        wire::bytes_of(wanted->ranges) > wire::late_part_max)
        return deny(EBADMSG, "a malformed message from {}", session.landing().node);
    (void)fault_point("late_wanted");
    for (auto const& range : wanted->ranges) {
        wire::LateBytes part;
        part.address = range.address;
        part.bytes.resize(range.length);
        TRY(body_.memory().read_forced(range.address, part.bytes.data(), part.bytes.size()));
        TRY(session.send(SessionType::late_bytes, part));
    }
    return {};
}

// Whether that is what it was. A page that cannot be read is lost, and the process with it.
bool Steward::serve_late(Session& session, Session::Frame const& frame) {
    if (frame.type == SessionType::late_over) {
        late_over();
        return true;
    }
    if (frame.type != SessionType::late_wanted) return false;
    auto sent = send_late(session, frame.body);
    if (!sent && !body_.has_new_image()) host_lost(sent.error().sentence());
    return true;
}

// The host asks again as soon as it has what it asked for. What it has asked while it was waited
// for something else has come already.
void Steward::serve_late_for_a_while() {
    Deadline deadline = Deadline::after(at_a_time);
    do {
        while (auto frame = session_->take({SessionType::late_wanted, SessionType::late_over})) {
            (void)serve_late(*session_, *frame);
            if (!session_) return;
        }
        pollfd more{session_->fd(), POLLIN, 0};
        if (!owing_ || ::poll(&more, 1, soon_ms) <= 0) return;
    } while (session_->receive() && !deadline.passed());
}

// Before the guest is asked to stand.
Status Steward::finish_late(bool homeward) {
    if (!owing_) return {};
    if (homeward) owing_->known = false; // they will be wanted
    TRY(session_->send(SessionType::late_question));
    while (owing_) {
        auto frame = TRY(
            session_->wait({SessionType::late_wanted, SessionType::late_over}, answer_patience));
        (void)serve_late(*session_, frame);
        if (!session_) return deny(EIO, "its pages are lost");
        serve_without_moving();
        TRY(keep_sessions());
    }
    return {};
}

// The host has them all.
void Steward::late_over() {
    auto owed = std::exchange(owing_, std::nullopt);
    if (!owed) return;
    (void)sys::set_dead_peer_timeout(session_->fd(), silence_limit);
    LOG(debug, "all pages have come to {}", host_);
    (void)fault_point("late_over");
    if (!owed->known) return;
    drop_pages(owed->mappings, owed->stat, owed->kept);
    Body::Awake awake(body_);
    tidy_after_move();
}

} // namespace rove::migrate
