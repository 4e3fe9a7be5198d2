// SPDX-License-Identifier: Apache-2.0
// Tally: what the guest has used, for its steward and for this host's daemon.
#include <time.h>

#include <array>
#include <cstddef>

#include "warden/warden.hh"

namespace rove::warden {

namespace {
using Counts = std::array<wire::CallCount, wire::call_counts>; // by number of the call
}

// Rounded up: a program has perhaps seen nanoseconds of it.
uint64_t Warden::cpu_us() const {
    auto before =
        guest_->get<int64_t>(guest_->control_field(offsetof(wire::Control, cpu_before_ns)));
    clockid_t clock{};
    timespec used{};
    if (!before || clock_getcpuclockid(guest_->pid(), &clock) != 0 ||
        clock_gettime(clock, &used) != 0)
        return 0;
    int64_t ns = *before + used.tv_sec * 1000000000 + used.tv_nsec;
    return ns > 0 ? static_cast<uint64_t>(ns + 999) / 1000 : 0;
}

uint64_t Warden::memory_bytes() const {
    unsigned long size = 0, resident = 0;
    auto text = guest_->proc_file("statm");
    if (!text || sscanf(text->c_str(), "%lu %lu", &size, &resident) != 2) return 0;
    return resident * 4096;
}

wire::GuestTally Warden::tally() const {
    wire::GuestTally tally;
    if (!guest_) return tally;
    tally.cpu_us = cpu_us();
    tally.memory_bytes = memory_bytes();
    if (stage_ < Stage::running || shares_) return tally; // what is counted is its parent's
    Counts counts{};
    (void)guest_->read(
        guest_->control_field(offsetof(wire::Control, calls)), counts.data(), sizeof counts);
    auto passed = std::chrono::duration<double, std::micro>(monotonic_now() - began_);
    double us_per_tick = passed.count() / static_cast<double>(abi::ticks() - began_ticks_);
    for (uint32_t call = 0; call < counts.size(); ++call) {
        auto const& of = counts[call];
        if (of.calls == 0) continue;
        wire::TraceRow line;
        line.call = call;
        line.count = of.calls;
        line.forwarded = of.forwarded;
        line.local = line.count - std::min(line.count, line.forwarded);
        line.errors = of.errors;
        line.us_total = of.us + static_cast<uint64_t>(static_cast<double>(of.ticks) * us_per_tick);
        line.bytes = of.bytes;
        tally.forwarded += line.forwarded;
        tally.local += line.local;
        tally.calls.push_back(line);
    }
    return tally;
}

Status Warden::open_account(wire::GuestTally const& before) const {
    Counts counts{};
    for (auto const& line : before.calls) {
        if (line.call >= counts.size())
            return fail(EBADMSG, "a system call of number {}", line.call);
        auto& of = counts[line.call];
        of.calls = line.count;
        of.errors = line.errors;
        of.forwarded = line.forwarded;
        of.us = line.us_total;
        of.bytes = line.bytes;
    }
    TRY(guest_->write(
        guest_->control_field(offsetof(wire::Control, calls)), counts.data(), sizeof counts));
    return guest_->put(guest_->control_field(offsetof(wire::Control, cpu_before_ns)),
        static_cast<int64_t>(before.cpu_us * 1000));
}

void Warden::tell_daemon(std::string const& event, std::string const& text) {
    tell_daemon(tally(), event, text);
}

void Warden::tell_daemon(
    wire::GuestTally const& now, std::string const& event, std::string const& text) {
    wire::WardenState state;
    state.guest_pid = guest_ ? guest_->outside_pid() : 0;
    state.cpu_us = now.cpu_us;
    state.memory_bytes = now.memory_bytes;
    state.event = event;
    state.text = text;
    daemon_.send(wire::keeper_packet(wire::KeeperType::warden_state, state));
    // From inside a user namespace a priority can only be made worse, and a policy not be set.
    if (priorities_ && guest_)
        daemon_.send(wire::keeper_packet(wire::KeeperType::priorities, *priorities_));
}

} // namespace rove::warden
