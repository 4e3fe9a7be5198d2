// SPDX-License-Identifier: Apache-2.0
// Household: see household.hh.
#include "warden/household.hh"

#include <sys/wait.h>

#include <algorithm>

#include "base/log.hh"
#include "sys/files.hh"
#include "warden/warden.hh"

namespace rove::warden {

namespace {
// Of one that may not be scheduled for a while; another's clone in between ends it.
constexpr Nanos turn_max = std::chrono::seconds(10);
} // namespace

Household::Household(
    wire::WardenOrder order, std::string session, std::string socket, pid_t outside_pid)
    : socket_(std::move(socket)),
      outside_pid_(outside_pid),
      landing_(
          loop_,
          [this](wire::Hello const& hello) {
              Warden* warden = find(hello);
              if (warden) return warden->judge(hello);
              bool later = std::any_of(wardens_.begin(), wardens_.end(),
                  [&](auto const& each) { return each->has_spare(hello); });
              return later ? Verdict::nothing_expected : Verdict::wrong_token;
          },
          [this](wire::Hello const& hello, Fd connection) {
              if (Warden* warden = find(hello)) warden->arrived(hello, std::move(connection));
          }) {
    wardens_.push_back(std::make_unique<Warden>(*this, std::move(order), std::move(session)));
}

Household::~Household() = default;

Warden* Household::find(wire::Hello const& hello) {
    Warden* found = nullptr;
    for (auto& warden : wardens_)
        if (check_token(hello, warden->token())) found = warden.get();
    return found;
}

void Household::add(std::unique_ptr<Warden> warden) {
    wardens_.push_back(std::move(warden));
}

void Household::move_in(std::vector<std::string> const& cgroups) {
    if (moved_in_) return;
    moved_in_ = true;
    for (auto const& directory : cgroups)
        if (auto moved = sys::write_knob(directory + "/cgroup.procs", "0"); !moved)
            LOG(warn, "wardens stay out of their guests' cgroup: {}", moved.error().sentence());
}

bool Household::take_turn(Warden const& warden, pid_t number) {
    if (turn_ != nullptr && monotonic_now() - turn_since_ < turn_max) return false;
    turn_ = &warden;
    promised_ = number;
    turn_since_ = monotonic_now();
    return true;
}

void Household::end_turn(pid_t number) {
    if (turn_ == nullptr || number != promised_) return;
    turn_ = nullptr;
    for (auto& warden : wardens_) {
        warden->offer();
        if (turn_ != nullptr) return;
    }
}

void Household::leave_turn(Warden const& warden) {
    if (turn_ == &warden) end_turn(promised_);
}

void Household::free_number(pid_t number) {
    for (auto& warden : wardens_)
        warden->give_up_holder(number);
}

// A child that a guest has made without a promise, or that has not got its number, is nobody's.
void Household::reap_strays() {
    siginfo_t found{};
    while (
        waitid(P_ALL, 0, &found, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 && found.si_pid != 0) {
        bool ours = std::any_of(wardens_.begin(), wardens_.end(),
            [&](auto const& warden) { return warden->keeps(found.si_pid); });
        if (ours) return; // its warden sees it
        (void)waitpid(found.si_pid, nullptr, __WALL);
        found = {};
    }
}

void Household::heartbeat() {
    for (auto& warden : wardens_)
        warden->heartbeat();
}

int Household::run() {
    auto& first = *wardens_.front();
    if (auto listening = landing_.listen(first.order()); !listening) {
        LOG(error, "{}", listening.error().sentence());
        return 1;
    }
    first.begin();
    while (!wardens_.empty()) {
        std::vector<sys::Loop*> loops{&loop_};
        for (auto& warden : wardens_)
            loops.push_back(&warden->loop());
        if (auto turn = sys::Loop::run_together(loops); !turn) {
            LOG(error, "{}", turn.error().sentence());
            return 1;
        }
        reap_strays();
        wardens_.remove_if([](auto const& warden) { return warden->finished(); });
    }
    return 0;
}

} // namespace rove::warden
