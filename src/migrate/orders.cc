// SPDX-License-Identifier: Apache-2.0
// Orders: what the daemon wants: moves, now or at the next exec, and accounts.
#include <algorithm>

#include <unistd.h>

#include "base/log.hh"
#include "base/recorder.hh"
#include "migrate/steward.hh"
#include "migrate/urgent.hh"
#include "sys/process.hh"

namespace rove::migrate {

using wire::KeeperType;

void Steward::count_move(Progress const& progress, bool came_home) {
    ++tally_.moves;
    tally_.bytes_moved += progress.bytes;
    tally_.freeze_us_max =
        std::max(tally_.freeze_us_max, microseconds(progress.thawed - progress.frozen));
    if (came_home) tally_.away_us += microseconds(monotonic_now() - away_since_);
}

void Steward::serve_daemon() {
    while (auto packet = daemon_.receive()) {
        switch (packet->type) {
        case KeeperType::move: {
            auto request = wire::decode<wire::Move>(packet->body);
            if (!request)
                LOG(warn, "a malformed move from the daemon, ignoring");
            else if (request->wait_for_exec != 0)
                wait_for_exec(*request);
            else
                move(*request);
            break;
        }
        case KeeperType::asker:
            if (auto asker = wire::decode<wire::Asker>(packet->body)) asker_ = *asker;
            break;
        case KeeperType::forget:
            forget_kept();
            break;
        case KeeperType::trace_request: {
            wire::TraceReply reply;
            if (session_)
                (void)session_->renew_tally(
                    std::chrono::milliseconds(500)); // a broken session is noticed elsewhere
            reply.rows = account().calls;
            daemon_.send(KeeperType::trace_reply, reply);
            break;
        }
        case KeeperType::none:
        case KeeperType::steward_hello:
        case KeeperType::warden_hello:
        case KeeperType::move_done:
        case KeeperType::steward_state:
        case KeeperType::warden_state:
        case KeeperType::end_guest:
        case KeeperType::trace_reply:
        case KeeperType::came_home:
        case KeeperType::born:
        case KeeperType::looked:
        case KeeperType::priorities:
        case KeeperType::again:
        default:
            LOG(debug, "a message {} from the daemon, ignoring", static_cast<int>(packet->type));
            break;
        }
    }
}

void Steward::move(wire::Move const& request) {
    Progress progress;
    progress.began = progress.phase_began = monotonic_now();
    if (request.freeze_us != 0)
        progress.freeze = std::chrono::microseconds(
            std::min(request.freeze_us, microseconds(std::chrono::minutes(1))));
    if (order_.freeze_limit_us != 0) // what would take longer than that is not to be tried
        progress.freeze = std::min(progress.freeze, Nanos(order_.freeze_limit_us * 1000));
    refusal_ = {};
    wire::MoveDone done;
    done.request = request.request;
    done.from = host_;
    done.to = request.landing.node.empty() ? order_.node : request.landing.node;
    bool home = request.landing.node.empty();
    bool was_away = session_.has_value();
    Status moved = check_thawed();
    if (session_) session_->forget_trouble();
    if (moved) {
        Urgent urgent;
        if (home)
            moved = was_away ? move_home(progress) : Status{};
        else
            moved = was_away ? move_onward(request.landing, progress)
                             : move_out(request.landing, progress, hold(request, progress));
    }
    if (!moved && session_ && refusal_.word.empty()) refusal_.word = session_->trouble().reason;
    if (!moved && was_away && executed()) {
        moved = home ? Status{} : deny(EAGAIN, "it has just executed another program; try again");
        refusal_.word = home ? "" : "exec";
    }
    done.ok = moved.has_value();
    done.bytes = progress.bytes;
    done.freeze_us =
        progress.frozen.count() != 0 ? microseconds(progress.thawed - progress.frozen) : 0;
    tidy_after_move();
    done.stopped_us = done.freeze_us + microseconds(progress.stopped);
    done.total_us = microseconds(monotonic_now() - progress.began);
    if (moved) {
        homeward_since_ = Nanos(0);
        if (progress.late != 0)
            done.mode = progress.ahead != 0 ? "hybrid" : "post-copy";
        else if (progress.ahead != 0)
            done.mode = "pre-copy";
        done.mode_text = progress.why;
        count_move(progress, was_away && home);
    } else {
        done.reason = refusal_.word;
        done.text = moved.error().sentence();
        // One that ends while it is moved has nothing to complain about, and the daemon shall see
        // that it has.
        Nanos ending = moved.error().gone() ? std::chrono::milliseconds(200) : Nanos(0);
        bool alive = !sys::wait_pidfd(body_.pidfd(), Deadline::after(ending)).value_or(false);
        if (alive) LOG(note, "no move to {}: {}", done.to, moved.error().detail());
    }
    LOG(debug, "{} → {}: {} bytes, frozen {} µs, total {} µs; {}", done.from, done.to, done.bytes,
        done.freeze_us, done.total_us, progress.phases);
    record("move {}", progress.phases);
    daemon_.send(KeeperType::move_done, done);
    if (moved)
        report_state(
            home && was_away ? "came_home" : "moved", home && was_away ? "brought_home" : "");
    home_since_ = monotonic_now();
}

// One that has just begun would only grow, and compete for this node's cores with those that stay,
// until its host is ready. Who sleeps is not held: it would lose what is left of its time.
std::optional<tracee::Tracee> Steward::hold(wire::Move const& request, Progress& progress) {
    if (request.hold == 0 || order_.freeze_limit_us != 0) return std::nullopt;
    auto stat = tracee::read_stat(body_.pid());
    if (!stat || stat->state != 'R') return std::nullopt;
    auto tracee = tracee::Tracee::seize(body_.pid(), std::chrono::milliseconds(50));
    if (!tracee) return std::nullopt;
    progress.held = monotonic_now();
    return std::move(*tracee);
}

// A program that is about to execute another is held at the new one's first instruction.
void Steward::wait_for_exec(wire::Move const& request) {
    refusal_ = {};
    auto tracee = tracee::Tracee::seize_at_exec(body_.pid());
    auto refuse = [&](Error const& error) {
        wire::MoveDone done;
        done.request = request.request;
        done.from = host_;
        done.to = request.landing.node;
        done.reason = refusal_.word;
        done.text = error.sentence();
        daemon_.send(KeeperType::move_done, done);
        home_since_ = monotonic_now();
    };
    if (!tracee) return refuse(tracee.error());
    report_state("armed");
    Deadline deadline = Deadline::after(wait_for_order);
    for (;;) {
        auto there = tracee->wait_exec(std::chrono::milliseconds(50));
        if (!there) return refuse(there.error());
        if (*there) break;
        if (deadline.passed()) return refuse(Error(ETIMEDOUT, "it executed nothing"));
        keep_daemon();
    }
    Progress progress;
    progress.began = progress.phase_began = monotonic_now();
    Status moved = body_.reopen_memory();
    {
        Urgent urgent;
        if (moved) moved = move_out(request.landing, progress, std::move(*tracee));
    }
    if (!moved) leases_.give_back();
    if (!moved) {
        LOG(note, "no move to {}: {}", request.landing.node, moved.error().detail());
        return refuse(moved.error());
    }
    count_move(progress, false);
    tidy_after_move();
    wire::MoveDone done;
    done.request = request.request;
    done.ok = 1;
    done.from = order_.node;
    done.to = host_;
    done.bytes = progress.bytes;
    done.freeze_us = done.stopped_us = microseconds(progress.thawed - progress.frozen);
    done.total_us = microseconds(monotonic_now() - progress.began);
    LOG(debug, "at exec → {}: {} bytes, frozen {} µs; {}", done.to, done.bytes, done.freeze_us,
        progress.phases);
    daemon_.send(KeeperType::move_done, done);
    report_state("moved");
}

} // namespace rove::migrate
