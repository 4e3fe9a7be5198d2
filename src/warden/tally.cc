// SPDX-License-Identifier: Apache-2.0
// Tally: what the guest has used, for its steward and for this host's daemon.
#include <unistd.h>

#include <array>
#include <cstddef>

#include "tracee/proc.hh"
#include "warden/warden.hh"

namespace rove::warden {

wire::GuestTally Warden::tally() const {
    wire::GuestTally tally;
    if (!guest_) return tally;
    auto const ticks = static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
    if (auto text = guest_->proc_file("stat")) {
        if (auto stat = tracee::parse_stat(*text)) tally.cpu_us = (stat->utime + stat->stime) * 1000000 / ticks;
    }
    if (auto text = guest_->proc_file("statm")) {
        unsigned long size = 0, resident = 0;
        if (sscanf(text->c_str(), "%lu %lu", &size, &resident) == 2) tally.memory_bytes = resident * 4096;
    }
    using Row = std::array<uint64_t, 512>;
    auto row = [&](size_t offset) {
        Row values{};
        (void)guest_->read(guest_->control_field(offset), values.data(), sizeof values);
        return values;
    };
    if (stage_ < Stage::running) return tally;
    Row count = row(offsetof(wire::Control, trace_count)), errors = row(offsetof(wire::Control, trace_errors));
    Row forwarded = row(offsetof(wire::Control, trace_forwarded)), ns = row(offsetof(wire::Control, trace_ns));
    Row bytes = row(offsetof(wire::Control, trace_bytes));
    for (uint32_t call = 0; call < count.size(); ++call) {
        if (count[call] == 0) continue;
        wire::TraceRow line;
        line.call = call;
        line.count = count[call];
        line.forwarded = forwarded[call];
        line.local = line.count - std::min(line.count, line.forwarded);
        line.errors = errors[call];
        line.us_total = ns[call] / 1000;
        line.bytes = bytes[call];
        tally.forwarded += line.forwarded;
        tally.local += line.local;
        tally.calls.push_back(line);
    }
    return tally;
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
