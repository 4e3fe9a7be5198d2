// SPDX-License-Identifier: Apache-2.0
// Onward: host → host. The memory goes straight from one to the other; home decides and re-links.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/fault.hh"
#include "base/log.hh"
#include "image/layout.hh"
#include "migrate/steward.hh"

namespace rove::migrate {

using wire::SessionType;

Status Steward::move_onward(wire::Landing const& landing, Progress& progress) {
    if (TRY(tracee::read_stat(body_.pid())).state == 'T')
        return fail(EBUSY, "it is stopped; let it go on first (kill -CONT {})", body_.pid());
    body_.set_idle([this] { keep_sessions(); });
    uint32_t epoch = TRY(body_.epoch()) + 1;
    Session next = TRY(Session::connect(landing, epoch));
    other_ = &next;
    struct Forget {
        Session*& other;
        ~Forget() { other = nullptr; }
    } forget{other_};
    std::vector<std::pair<uint32_t, int>> links_there; // slot, its new number in P
    bool parked_once = false;
    wire::Layout layout;
    wire::ProcessState state;

    auto attempt = [&]() -> Status {
        last_layout_.segments = segments_.keys();
        TRY(prepare_host(next, epoch, last_layout_));
        std::vector<std::pair<uint32_t, Fd>> links;
        for (uint32_t index : TRY(body_.used_slots()))
            links.emplace_back(index, TRY(connect_to(landing, wire::Kind::link, index, epoch)));
        FAULT_POINT("onward_prepared");
        progress.phase("prepare");

        progress.frozen = monotonic_now();
        parked_once = true;
        wire::Parked parked = TRY(park());
        FAULT_POINT("onward_parked");
        progress.phase("park");
        TRY(take_layout(parked.layout));
        layout = std::move(parked.layout);
        TRY(settle_layout(next, layout));
        state = std::move(parked.state);
        for (auto const& image : state.threads)
            if (image.thread_state.size() != sizeof(wire::ThreadState))
                return fail(EBADMSG, "a thread's state of {} bytes", image.thread_state.size());
        TRY(next.send(SessionType::state, state));
        progress.phase("state");
        wire::SendPages wish;
        wish.landing = landing;
        wish.epoch = epoch;
        wish.ranges = layout.present;
        TRY(session_->send(SessionType::send_pages, wish));
        wire::Control control = TRY(body_.control());
        for (auto const& image : state.threads) {
            auto link = std::find_if(links.begin(), links.end(), [&](auto const& one) { return one.first == image.slot; });
            if (link == links.end())
                link = links.emplace(links.end(), image.slot, TRY(connect_to(landing, wire::Kind::link, image.slot, epoch)));
            links_there.emplace_back(image.slot, TRY(body_.porter().take_fd(link->second.number(), control.fd_first)));
        }
        for (;;) { // the other host is kept alive meanwhile
            auto sent = session_->wait({SessionType::pages_sent}, std::chrono::milliseconds(100));
            if (sent) {
                auto amount = wire::decode<wire::PagesDone>(sent->body);
                if (!amount) return fail(EBADMSG, "a malformed message from {}", host_);
                progress.bytes = amount->bytes;
                TRY(next.send(SessionType::pages_done, *amount));
                break;
            }
            if (sent.error().code != ETIMEDOUT || session_->silent_for() > silence_limit) return Failure(sent.error());
            keep_sessions();
        }
        progress.phase("memory");
        TRY(next.wait({SessionType::ready}, std::chrono::seconds(60)));
        TRY(body_.write_landing(landing, landing.node));
        tally_.cpu_away_us = std::max(tally_.cpu_away_us, parked.cpu_us);
        FAULT_POINT("onward_before_commit");
        return body_.set_epoch(epoch); // the commit
    };
    Status done = attempt();
    if (!done) {
        (void)next.send(SessionType::abort);
        for (auto const& [slot, number] : links_there) (void)body_.porter().call(SYS_close, {static_cast<uint64_t>(number)});
        if (parked_once) {
            (void)body_.write_landing(session_->landing(), host_);
            unpark();
        }
        progress.thawed = monotonic_now();
        return done;
    }
    (void)fault_point("onward_after_commit");
    postponed_.clear(); // who wanted something asks again from there
    for (auto const& image : state.threads) {
        wire::ThreadState thread;
        std::memcpy(&thread, image.thread_state.data(), sizeof thread);
        uint64_t at = body_.slot_address(image.slot) + offsetof(wire::Slot, thread);
        (void)body_.memory().put(at + offsetof(wire::ThreadState, signals_seen), thread.signals_seen);
        (void)body_.memory().put(at + offsetof(wire::ThreadState, signals_undelivered), thread.signals_undelivered);
    }
    // New links first, then the old ones end: a deputy that wakes finds where to go on.
    std::vector<wire::ExecCall> end_old;
    for (auto const& [index, number] : links_there) {
        uint64_t at = body_.slot_address(index) + offsetof(wire::Slot, link_fd);
        auto old = body_.memory().get<int32_t>(at);
        (void)body_.memory().put(at, static_cast<int32_t>(number));
        if (!old || *old < 0) continue;
        end_old.push_back({SYS_shutdown, {static_cast<uint64_t>(*old), SHUT_RDWR}, -1});
    }
    (void)body_.set_phase(wire::Phase::serving);
    (void)body_.porter().calls_tolerant(end_old);
    Status told = next.send(SessionType::commit);
    if (told) {
        auto running = next.wait({SessionType::running}, std::chrono::seconds(10));
        if (!running) LOG(warn, "{}", running.error().sentence());
    }
    progress.thawed = monotonic_now();
    progress.phase("commit");
    (void)session_->send(SessionType::let_go);
    for (auto& call : end_old) call = {SYS_close, {call.args[0]}, -1};
    (void)body_.porter().calls_tolerant(end_old);
    last_layout_ = std::move(layout);
    host_ = landing.node;
    session_.emplace(std::move(next));
    return {};
}

} // namespace rove::migrate
