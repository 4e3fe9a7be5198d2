// SPDX-License-Identifier: Apache-2.0
// Tally: what the guest has used, for its steward and for this host's daemon.
#include <time.h>

#include <array>
#include <cstddef>

#include "warden/warden.hh"

namespace rove::warden {

namespace {
using Row = std::array<uint64_t, wire::trace_rows>; // by number of the call
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

wire::GuestTally Warden::tally() const {
    wire::GuestTally tally;
    if (!guest_) return tally;
    tally.cpu_us = cpu_us();
    if (auto text = guest_->proc_file("statm")) {
        unsigned long size = 0, resident = 0;
        if (sscanf(text->c_str(), "%lu %lu", &size, &resident) == 2)
            tally.memory_bytes = resident * 4096;
    }
    auto row = [&](size_t offset) {
        Row values{};
        (void)guest_->read(guest_->control_field(offset), values.data(), sizeof values);
        return values;
    };
    if (stage_ < Stage::running) return tally;
    Row count = row(offsetof(wire::Control, trace_count)),
        errors = row(offsetof(wire::Control, trace_errors));
    Row forwarded = row(offsetof(wire::Control, trace_forwarded)),
        bytes = row(offsetof(wire::Control, trace_bytes));
    Row ticks = row(offsetof(wire::Control, trace_ticks)),
        us = row(offsetof(wire::Control, trace_us));
    auto passed = std::chrono::duration<double, std::micro>(monotonic_now() - began_);
    double us_per_tick = passed.count() / static_cast<double>(abi::ticks() - began_ticks_);
    for (uint32_t call = 0; call < count.size(); ++call) {
        if (count[call] == 0) continue;
        wire::TraceRow line;
        line.call = call;
        line.count = count[call];
        line.forwarded = forwarded[call];
        line.local = line.count - std::min(line.count, line.forwarded);
        line.errors = errors[call];
        line.us_total =
            us[call] + static_cast<uint64_t>(static_cast<double>(ticks[call]) * us_per_tick);
        line.bytes = bytes[call];
        tally.forwarded += line.forwarded;
        tally.local += line.local;
        tally.calls.push_back(line);
    }
    return tally;
}

Status Warden::open_account(wire::GuestTally const& before) const {
    Row count{}, errors{}, forwarded{}, us{}, bytes{};
    for (auto const& line : before.calls) {
        if (line.call >= count.size())
            return fail(EBADMSG, "a system call of number {}", line.call);
        count[line.call] = line.count;
        errors[line.call] = line.errors;
        forwarded[line.call] = line.forwarded;
        us[line.call] = line.us_total;
        bytes[line.call] = line.bytes;
    }
    auto put = [&](size_t offset, Row const& row) {
        return guest_->write(guest_->control_field(offset), row.data(), sizeof row);
    };
    TRY(put(offsetof(wire::Control, trace_count), count));
    TRY(put(offsetof(wire::Control, trace_errors), errors));
    TRY(put(offsetof(wire::Control, trace_forwarded), forwarded));
    TRY(put(offsetof(wire::Control, trace_us), us));
    TRY(put(offsetof(wire::Control, trace_bytes), bytes));
    return guest_->put(guest_->control_field(offsetof(wire::Control, cpu_before_ns)),
        static_cast<int64_t>(before.cpu_us * 1000));
}

void Warden::tell_daemon(std::string const& event, std::string const& text) {
    wire::WardenState state;
    auto now = tally();
    state.guest_pid = guest_ ? guest_->outside_pid() : 0;
    state.cpu_us = now.cpu_us;
    state.memory_bytes = now.memory_bytes;
    state.event = event;
    state.text = text;
    daemon_.send(wire::keeper_packet(wire::KeeperType::warden_state, state));
}

} // namespace rove::warden
