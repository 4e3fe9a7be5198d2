// SPDX-License-Identifier: Apache-2.0
// Children: what a process needs ahead to have children where it is, and how it becomes another
// program while its deputy executes that.
#include <cstddef>
#include <cstring>

#include "base/log.hh"
#include "base/text.hh"
#include "migrate/steward.hh"
#include "migrate/urgent.hh"
#include "sys/random.hh"
#include "tracee/proc.hh"

namespace rove::migrate {

using wire::KeeperType;
using wire::SessionType;

// Links that a child's deputy takes at once when the process forks, each with the session of the
// child: its token is in the landing that the child will find.
void Steward::make_spares() {
    if (!session_) return;
    auto control = body_.control();
    if (!control) return;
    Body::Awake awake(body_);
    for (uint32_t i = 0; i < wire::spares_max && session_; ++i) {
        if (control->spares[i].epoch == control->epoch) continue;
        if (auto made = make_spare(i, *control); !made) {
            LOG(note, "no link for a child: {}", made.error().sentence());
            return;
        }
    }
}

Status Steward::make_spare(uint32_t index, wire::Control const& control) {
    auto const& old = control.spares[index];
    if (old.epoch != 0) TRY(body_.drop_spare(index, old.link_fd)); // of an earlier host
    wire::SpareOffer offer;
    offer.id = last_spare_ = (last_spare_ + 1) & 0x7fffffff;
    offer.token = TRY(sys::random_bytes(wire::token_said));
    offer.session = hex(TRY(sys::random_bytes(8)));
    TRY(session_->send(SessionType::spare, offer));
    auto link =
        TRY(connect_to(session_->landing(), wire::Kind::spare, offer.id, session_->epoch()));
    wire::Landing landing = session_->landing();
    landing.token = offer.token + wire::secret_of(landing.token);
    return body_.give_spare(index, offer.id, link.number(), landing, control.epoch);
}

// The PID is the one that the program sees.
void Steward::tell_born(pid_t inner, bool steward_wanted) {
    wire::Born born;
    born.pid = tracee::outer_descendant(body_.pid(), inner).value_or(0);
    born.steward_wanted = steward_wanted ? 1 : 0;
    if (born.pid != 0) daemon_.send(KeeperType::born, born);
}

// What was away of the program before has ended, and the process lives here.
void Steward::leave_old_image() {
    (void)account();
    if (session_) tally_.away_us += microseconds(monotonic_now() - away_since_);
    session_.reset();
    owing_.reset();
    leases_.give_back();
    own_.forget();
    segments_.forget_own();
    postponed_.clear();
    held_.clear();
    stale_.clear();
    last_layout_ = {};
    homeward_since_ = Nanos(0);
    host_ = order_.node;
    home_since_ = monotonic_now();
    if (auto reopened = body_.take_new_image(); !reopened)
        LOG(debug, "{}", reopened.error().sentence());
}

// Whether the process has another memory than the one that was split.
bool Steward::executed() {
    if (!body_.has_new_image()) return false;
    bring_last_stores();
    if (session_) (void)session_->send(SessionType::let_go);
    leave_old_image();
    ++tally_.moves;
    report_state("came_home", "exec", "it executed another program");
    return true;
}

// The guest may have ended by itself as soon as its link did.
Status Steward::renew_session() {
    TRY(session_->send(SessionType::renew));
    auto renewed = session_->wait({SessionType::renewed}, silence_limit);
    if (!renewed && session_->trouble().guest_ended != 0) {
        session_->forget({SessionType::trouble});
        renewed = session_->wait({SessionType::renewed}, silence_limit);
    }
    return renewed ? Status{} : Failure(renewed.error());
}

// The process is about to execute another program, and a deputy waits to hear whether it will be
// held at the first instruction of that: then it goes on at the host where it was.
void Steward::follow_exec() {
    uint64_t word = body_.control_address() + offsetof(wire::Control, follow_exec);
    auto said = [&] {
        return body_.memory().get<wire::FollowExec>(word).value_or(wire::FollowExec::yes);
    };
    if (said() != wire::FollowExec::asked) return; // it has not waited, or a signal came first
    auto answer = [&](wire::FollowExec value) {
        (void)body_.memory().put(word, value);
        (void)body_.porter().wake(word);
    };
    // A tracer without privileges would take those of the new program away.
    if (!session_ || ::geteuid() != 0) return answer(wire::FollowExec::no);
    auto tracee = tracee::Tracee::seize_at_exec(body_.pid());
    if (!tracee) return answer(wire::FollowExec::no);
    if (said() != wire::FollowExec::asked) return; // a signal came first, or it has not waited
    answer(wire::FollowExec::yes);
    for (Deadline deadline = Deadline::after(std::chrono::seconds(10));;) {
        auto there = tracee->wait_exec(std::chrono::milliseconds(2));
        if (!there) return; // it has ended, which the loop sees as well
        if (*there) break;
        if (said() != wire::FollowExec::yes || deadline.passed()) return;
        if (body_.has_new_image()) {
            there = tracee->wait_exec(std::chrono::milliseconds(100));
            if (there && *there) break;
            // It has not waited for this answer, and was there before it could be held.
            if (there) (void)executed();
            return;
        }
        (void)keep_sessions();
    }
    Progress progress;
    progress.began = progress.phase_began = monotonic_now();
    wire::Landing landing = session_->landing();
    Status moved = renew_session();
    leave_old_image();
    refusal_ = {};
    progress.phase("renew");
    {
        Urgent urgent;
        if (moved) moved = move_out(landing, progress, std::move(*tracee));
    }
    if (moved) {
        LOG(debug, "executed at {}: {} bytes; {}", host_, progress.bytes, progress.phases);
        report_state("executed");
        return tidy_after_move();
    }
    LOG(note, "it stays here with its new program: {}", moved.error().detail());
    leases_.give_back();
    ++tally_.moves;
    report_state(
        "came_home", refusal_.word.empty() ? "exec" : refusal_.word, moved.error().sentence());
}

} // namespace rove::migrate
