// SPDX-License-Identifier: Apache-2.0
// Household: see household.hh.
#include "warden/household.hh"

#include <algorithm>

#include "base/log.hh"
#include "sys/files.hh"
#include "warden/warden.hh"

namespace rove::warden {

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
        wardens_.remove_if([](auto const& warden) { return warden->finished(); });
    }
    return 0;
}

} // namespace rove::warden
