// SPDX-License-Identifier: Apache-2.0
// Strain: how this node suffers: what it pages, and how much of the time somebody waits for a
// resource (PSI).
//
// Nothing is decided by it; it is shown. Each value is of the time between the last two looks, and
// unknown where the kernel does not tell.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hh"
#include "sys/kept_file.hh"

namespace rove::node {

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=123": the microseconds of that line.
std::optional<uint64_t> parse_pressure(std::string_view text);
// Page faults that had to read something, of a memory.stat or a /proc/vmstat text.
std::optional<uint64_t> count_faults(std::string_view stat);

// A counter's growth per second.
class Growth {
public:
    // Unknown at first, and when the counter is not there or goes back.
    std::optional<double> per_second(std::optional<uint64_t> count, Nanos now);

private:
    std::optional<uint64_t> last_;
    Nanos at_{};
};

class Strain {
public:
    Strain();
    void look(Nanos now);

    struct Values {
        std::optional<double> paging_per_s;
        // Parts of the time, 0 … 1.
        std::optional<double> cpu_pressure, memory_pressure, io_pressure;
    };
    Values const& values() const { return values_; }

private:
    struct Pressure {
        sys::KeptFile file;
        Growth waited_us{};
        std::optional<double> share(Nanos now);
    };
    sys::KeptFile faults_file_;
    Growth faults_;
    Pressure cpu_, memory_, io_;
    Values values_;
};

} // namespace rove::node
