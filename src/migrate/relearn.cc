// SPDX-License-Identifier: Apache-2.0
// Relearn: a steward takes over from one that has died.
#include <unistd.h>

#include "base/log.hh"
#include "image/layout.hh"
#include "migrate/steward.hh"
#include "sys/files.hh"
#include "tracee/proc.hh"

namespace rove::migrate {

using wire::SessionType;

// A child's deputy is there before its guest. And the process is lost if its host is: that one may
// be very busy.
static Result<Session> reach(wire::Landing const& landing, uint32_t epoch) {
    Deadline deadline = Deadline::after(std::chrono::seconds(5));
    for (;;) {
        auto session = Session::connect(landing, epoch, deaf_limit);
        if (session || session.error().code != EAGAIN || deadline.passed()) return session;
        (void)::usleep(500);
    }
}

// Of a process that has just been forked by a deputy, the region is still its parent's for a
// moment.
static Status await_own(Body const& body) {
    pid_t inner = TRY(
        tracee::parse_inner_pid(TRY(sys::read_file(fmt::format("/proc/{}/status", body.pid())))));
    Deadline deadline = Deadline::after(std::chrono::seconds(5));
    while (TRY(body.control()).pid != inner) {
        if (deadline.passed()) return deny(ETIMEDOUT, "its runtime is another process's");
        (void)::usleep(200);
    }
    return {};
}

// What a steward that has died left behind: a move that was not committed is undone, one that was
// is brought to its end. Fails if the process lives at a host and cannot be reached there.
Status Steward::relearn(bool& away) {
    home_since_ = monotonic_now();
    if (!TRY(body_.find_region())) return {};
    TRY(await_own(body_));
    auto phase = TRY(body_.phase());
    // A move out that its steward did not live to decide: the program goes on at home.
    if (phase == wire::Phase::preparing) return body_.release();
    if (phase ==
        wire::Phase::released) { // its threads are on their way, or wait for the last bit of it
        if (auto woken = body_.wake_in_program(); !woken) LOG(warn, "{}", woken.error().sentence());
        return {};
    }
    if (phase != wire::Phase::serving && phase != wire::Phase::parking) return {};
    away = true;
    uint32_t epoch = TRY(body_.epoch());
    wire::Landing landing = TRY(body_.read_landing(epoch));
    host_ = landing.node;
    auto session = TRY(reach(landing, epoch));
    session.set_patience(deaf_limit);
    wire::Prepare prepare;
    prepare.identity = order_.identity;
    prepare.epoch = epoch;
    prepare.region = body_.region();
    TRY(session.send(SessionType::adopt, prepare));
    TRY(session.wait({SessionType::running}, deaf_limit));
    session.set_patience(silence_limit);
    session_.emplace(std::move(session));
    TRY(body_.write_token(landing.token, epoch)); // a child has its parent's by then
    owing_.emplace();                             // perhaps: the host will say
    resumed_ = true;
    told_stopped_ = stands(); // nobody knows what the former steward had told
    TRY(session_->send(told_stopped_ ? SessionType::stop : SessionType::cont));
    told_priorities_.reset();
    away_since_ = monotonic_now();
    body_.set_idle([this] { return keep_sessions(); });
    // The porter is one of the process's threads: if that is stopped, it is set afloat.
    Body::Awake awake(body_);
    for (;;) {
        auto taken = body_.take_sockets(std::chrono::milliseconds(1000));
        if (taken) break;
        if (taken.error().code != ETIMEDOUT || (!stands() && !body_.afloat())) return taken;
        TRY(keep_sessions());
    }
    TRY(body_.forget_parent());
    TRY(body_.settle_links(epoch));
    TRY(body_.set_phase(wire::Phase::serving));
    TRY(own_.take_over(body_));
    name_own_files();
    away = false;         // what is still wanted is not worth its life
    give_missing_links(); // of threads that asked the former steward
    auto mappings =
        TRY(image::parse_maps(TRY(sys::read_file(fmt::format("/proc/{}/smaps", body_.pid())))));
    if (!leases_.take(body_.pid(), mappings, refusal_))
        want_home(wire::HomeReason::shared_file_mapping);
    return {};
}

// For a next host's preparations what P still maps is near enough: the final layout comes later.
Status Steward::relearn_layout() {
    auto mappings =
        TRY(image::parse_maps(TRY(sys::read_file(fmt::format("/proc/{}/smaps", body_.pid())))));
    // Home still maps what the program may have given up.
    std::erase_if(mappings, image::is_commons);
    std::erase_if(mappings, image::is_written_file);
    for (auto const& mapping : mappings) {
        if (mapping.inode != 0 && !image::is_foreign(mapping, body_.region()))
            (void)segments_.place(body_.pid(), &body_.memory(), mapping);
    }
    last_layout_ = TRY(layout_of(mappings));
    last_layout_.present.clear();
    return {};
}

} // namespace rove::migrate
