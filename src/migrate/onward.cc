// SPDX-License-Identifier: Apache-2.0
// Onward: host → host. The memory goes straight from one to the other; home decides and re-links.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/fault.hh"
#include "base/log.hh"
#include "image/layout.hh"
#include "migrate/steward.hh"
#include "warden/mapping.hh"

namespace rove::migrate {

using wire::SessionType;

namespace {
constexpr Nanos reach_patience = std::chrono::seconds(2);
} // namespace

Status Steward::move_onward(wire::Landing const& landing, Progress& progress) {
    // Pages go from host to host as the node at either end wants it, and who sends them is told the
    // next session's token on his own.
    bool to_sealed = !wire::secret_of(landing.token).empty();
    if (to_sealed != !wire::secret_of(session_->landing().token).empty())
        return refusal_.because("encrypted_differently",
            fmt::format("the connections with {} are encrypted and those with {} are not",
                to_sealed ? landing.node : host_, to_sealed ? host_ : landing.node));
    Body::Awake awake(body_);
    TRY(body_.keep_afloat());
    body_.set_idle([this] { return keep_sessions(); });
    TRY(finish_late(false));
    uint32_t epoch = TRY(body_.epoch()) + 1;
    Session next = TRY(Session::connect(landing, epoch));
    other_ = &next;
    struct Forget {
        Session*& other;
        ~Forget() { other = nullptr; }
    } forget{other_};
    // Until it is parked, the program lives on at the old host, and makes threads.
    auto live_on = [&]() -> Status {
        serve_without_moving();
        return keep_sessions();
    };
    next.set_meanwhile(live_on);
    bool parked_once = false;
    wire::Layout layout;
    wire::ProcessState state;
    std::vector<wire::Range> unchanged; // since it came to the host that it leaves
    std::optional<Copy> copy;           // at the next one

    auto attempt = [&]() -> Status {
        if (last_layout_.vmas.empty()) TRY(relearn_layout());
        last_layout_.segments = segments_.keys();
        TRY(prepare_host(next, epoch, last_layout_));
        std::vector<std::pair<uint32_t, Fd>> links;
        for (uint32_t index : TRY(body_.used_slots())) {
            links.emplace_back(index, TRY(connect_to(landing, wire::Kind::link, index, epoch)));
            TRY(live_on());
        }
        // From here to there is a way that nobody has gone yet: it is found before anything stands
        // still.
        wire::SendPages wish;
        wish.landing = landing;
        wish.epoch = epoch;
        TRY(session_->send(SessionType::reach, wish));
        (void)TRY(session_->wait({SessionType::reached}, reach_patience));
        FAULT_POINT("onward_prepared");
        progress.phase("prepare");
        copy.emplace(last_layout_.vmas);
        TRY(send_ahead(next, wish, *copy, progress));
        progress.phase("ahead");

        next.set_meanwhile([this] { return keep_sessions(); });
        progress.frozen = monotonic_now();
        parked_once = true;
        wire::Parked parked = TRY(park());
        FAULT_POINT("onward_parked");
        progress.phase("park");
        if (parked.shares > 1) {
            refusal_.word = "shared_writable_memory";
            return deny(EBUSY, "it shares memory with {} more", parked.shares - 1);
        }
        TRY(take_layout(parked.layout));
        TRY(image::check_pages(parked.unchanged));
        unchanged = std::move(parked.unchanged);
        layout = std::move(parked.layout);
        copy->lay_out(layout.vmas);
        wish.ranges = copy->missing(layout.present, warden::subtract(layout.present, unchanged));
        wire::Pages surplus{copy->surplus(layout.present)};
        TRY(check_freeze(monotonic_now() - progress.frozen, wire::bytes_of(wish.ranges)));
        if (!surplus.ranges.empty()) TRY(next.send(SessionType::forget, surplus));
        TRY(settle_layout(next, layout));
        // By way of home, which has a place for them.
        for (auto const& key : parked.commons)
            TRY(bring_commons(key, progress));
        TRY(bring_own_files(progress));
        TRY(send_all_commons(next, layout, progress));
        state = std::move(parked.state);
        for (auto const& image : state.threads)
            if (image.thread_state.size() != sizeof(wire::ThreadState))
                return fail(EBADMSG, "a thread's state of {} bytes", image.thread_state.size());
        TRY(next.send(SessionType::state, state));
        progress.phase("state");
        TRY(session_->send(SessionType::send_pages, wish));
        wire::Control control = TRY(body_.control());
        TRY(body_.write_token(landing.token, epoch));
        for (auto const& image : state.threads) {
            auto link = std::find_if(links.begin(), links.end(),
                [&](auto const& one) { return one.first == image.slot; });
            if (link == links.end())
                link = links.emplace(links.end(), image.slot,
                    TRY(connect_to(landing, wire::Kind::link, image.slot, epoch)));
            int there = TRY(body_.porter().take_fd(link->second.number(), control.fd_first));
            TRY(body_.put_next_link(image.slot, there, epoch));
        }
        for (;;) { // the other host is kept alive meanwhile
            auto sent = session_->wait({SessionType::pages_sent}, std::chrono::milliseconds(100));
            if (sent) {
                auto amount = wire::decode<wire::PagesDone>(sent->body);
                if (!amount) return fail(EBADMSG, "a malformed message from {}", host_);
                progress.bytes += amount->bytes;
                TRY(next.send(SessionType::pages_done, *amount));
                break;
            }
            if (sent.error().code != ETIMEDOUT || session_->silent_for() > silence_limit)
                return Failure(sent.error());
            TRY(keep_sessions());
        }
        progress.phase("memory");
        TRY(next.wait({SessionType::ready}, std::chrono::seconds(60)));
        TRY(body_.write_landing(landing, epoch));
        // What a deputy must know of its guest's signals when it changes to the new link.
        for (auto const& image : state.threads) {
            wire::ThreadState thread;
            std::memcpy(&thread, image.thread_state.data(), sizeof thread);
            uint64_t at = body_.slot_address(image.slot) + offsetof(wire::Slot, thread);
            TRY(body_.memory().put(
                at + offsetof(wire::ThreadState, signals_seen), thread.signals_seen));
            TRY(body_.memory().put(
                at + offsetof(wire::ThreadState, signals_undelivered), thread.signals_undelivered));
        }
        account_ = parked.state.account;
        FAULT_POINT("onward_before_commit");
        TRY(next.receive()); // a host that has died by now is not moved to
        TRY(check_freeze(monotonic_now() - progress.frozen, 0));
        return body_.set_epoch(epoch); // the commit
    };
    Status done = attempt();
    if (!done) {
        (void)next.send(SessionType::abort);
        if (parked_once) {
            (void)body_.settle_links(epoch - 1);
            unpark();
        }
        progress.thawed = monotonic_now();
        return done;
    }
    (void)fault_point("onward_after_commit");
    // Nothing depends on the old host any more.
    body_.set_idle([this, &next]() -> Status {
        TRY(body_.keep_afloat());
        TRY(next.receive());
        return next.ping_if_due();
    });
    postponed_.clear(); // who wanted something asks again from there
    // The old links end once the new ones stand in their place: a deputy that wakes finds where to
    // go on.
    if (auto settled = body_.settle_links(epoch); !settled)
        LOG(warn, "{}", settled.error().sentence());
    (void)body_.set_phase(wire::Phase::serving);
    begin_there(next);
    progress.thawed = monotonic_now();
    progress.phase("commit");
    (void)session_->send(SessionType::let_go);
    next.set_meanwhile(nullptr);
    last_layout_ = std::move(layout);
    held_ = warden::intersect(warden::intersect(held_, unchanged), last_layout_.present);
    host_ = landing.node;
    session_.emplace(std::move(next));
    resumed_ = true;
    empty_all_commons();
    body_.set_idle([this] { return keep_sessions(); });
    return {};
}

} // namespace rove::migrate
