// SPDX-License-Identifier: Apache-2.0
// Alarms: what the process's own threads want of the steward: links for new threads, and to come
// home.
#include <algorithm>

#include <sys/socket.h>

#include "base/log.hh"
#include "migrate/steward.hh"
#include "migrate/urgent.hh"
#include "wire/home_reason.hh"

namespace rove::migrate {

namespace {

constexpr Nanos homeward_patience =
    std::chrono::seconds(90); // of a process that can only go on at home

std::string home_word(uint32_t reason) {
    switch (reason) {
#define WORD(number, word)                                                                         \
    case number:                                                                                   \
        return #word;
        ROVE_HOME_REASONS(WORD)
#undef WORD
    default:
        return "unknown_call";
    }
}

// The whole process is moved for it. What could not be done is tried again after a while.
bool moves(wire::AlarmType type) {
    return type == wire::AlarmType::home_wanted || type == wire::AlarmType::signal_core ||
           type == wire::AlarmType::exec_wanted;
}

} // namespace

// Perhaps it has been asked for twice: by the thread, and because it was found without one.
void Steward::give_link(uint32_t slot) {
    if (!body_.linkless(slot).value_or(false)) return;
    // The host has it at once; a process that is stopped right now must get its end all the same.
    Body::Awake awake(body_);
    auto link = connect_to(session_->landing(), wire::Kind::link, slot, session_->epoch());
    auto given = link ? body_.give_link(slot, link->number()) : Status(Failure(link.error()));
    if (!given) LOG(warn, "no link for slot {}: {}", slot, given.error().sentence());
}

// A link that could not be made when it was asked for: nobody asks again.
void Steward::give_missing_links() {
    if (monotonic_now() - links_looked_ < report_period) return;
    links_looked_ = monotonic_now();
    auto linkless = body_.linkless_slots();
    if (!linkless) return;
    for (uint32_t index : *linkless)
        give_link(index);
}

void Steward::serve_without_moving() {
    wire::Alarm alarm;
    while (::recv(body_.alarm_fd(), &alarm, sizeof alarm, MSG_DONTWAIT) == sizeof alarm)
        postponed_.push_back(alarm);
    std::vector<wire::Alarm> all;
    all.swap(postponed_);
    for (auto const& each : all)
        moves(each.type) ? postponed_.push_back(each) : serve_alarm(each);
}

void Steward::serve_alarms() {
    while (session_ && body_.entered()) {
        char first;
        if (::recv(body_.alarm_fd(), &first, 1, MSG_PEEK | MSG_DONTWAIT) == 0 && executed()) return;
        // What stands still cannot be helped, and does not wait for it; but others may wait for its
        // files.
        if (stands() && !(own_.wanted() && check_thawed())) return;
        serve_without_moving();
        if (postponed_.empty() || monotonic_now() < alarms_after_) return;
        wire::Alarm alarm = postponed_.front();
        postponed_.erase(postponed_.begin());
        serve_alarm(alarm);
    }
}

// As if a thread had asked for it, though no call of its own is the reason.
void Steward::want_home(wire::HomeReason reason) {
    postponed_.push_back(
        {wire::AlarmType::home_wanted, 0, uint64_t{~0u} << 32 | static_cast<uint32_t>(reason)});
}

void Steward::serve_alarm(wire::Alarm const& alarm) {
    switch (alarm.type) {
    case wire::AlarmType::link_wanted:
        return give_link(alarm.slot);
    case wire::AlarmType::spare_wanted:
        return make_spares();
    case wire::AlarmType::process_born:
    case wire::AlarmType::steward_wanted:
        return tell_born(
            static_cast<pid_t>(alarm.value), alarm.type == wire::AlarmType::steward_wanted);
    case wire::AlarmType::exec_wanted:
        return follow_exec();
    case wire::AlarmType::home_wanted:
    case wire::AlarmType::signal_core: {
        std::string word = alarm.type == wire::AlarmType::signal_core
                               ? "fatal_signal"
                               : home_word(static_cast<uint32_t>(alarm.value));
        Progress progress;
        progress.began = progress.phase_began = monotonic_now();
        std::string from = host_;
        Status moved;
        session_->forget_trouble();
        {
            Urgent urgent;
            moved = move_home(progress);
        }
        if (!moved && executed()) return;
        if (!moved) return postpone(alarm, word, moved.error());
        homeward_since_ = Nanos(0);
        count_move(progress, true);
        LOG(debug, "{} → home ({}): {} bytes; {}", from, word, progress.bytes, progress.phases);
        auto what = alarm.type == wire::AlarmType::signal_core
                        ? fmt::format("signal {}", alarm.value)
                        : fmt::format("call {}", static_cast<int32_t>(alarm.value >> 32));
        return report_state("came_home", word, what);
    }
    case wire::AlarmType::none:
    case wire::AlarmType::thread_gone:
    case wire::AlarmType::released:
    default:
        return;
    }
}

// It goes on at its host, but the thread that asked stands there. A loss of the host is noticed by
// itself.
void Steward::postpone(wire::Alarm const& alarm, std::string const& word, Error const& error) {
    if (!session_) return;
    std::erase_if(postponed_,
        [&](auto const& other) { return other.type == alarm.type && other.slot == alarm.slot; });
    postponed_.push_back(alarm);
    // Stopped, or held by a child that shares its memory: natively it would wait, too.
    if (stands() || session_->trouble().code == EBUSY) {
        homeward_since_ = Nanos(0);
        alarms_after_ = monotonic_now() + std::chrono::milliseconds(20);
        return;
    }
    Nanos now = monotonic_now();
    if (homeward_since_ == Nanos(0)) homeward_since_ = now;
    LOG(warn, "it must come home ({}) and cannot yet: {}", word, error.detail());
    if (now - homeward_since_ > homeward_patience)
        return host_lost(
            fmt::format("it must come home ({}) and cannot: {}", word, error.sentence()));
    alarms_after_ = now + std::clamp<Nanos>((now - homeward_since_) / 2,
                              std::chrono::milliseconds(50), std::chrono::seconds(5));
}

} // namespace rove::migrate
