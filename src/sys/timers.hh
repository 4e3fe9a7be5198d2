// SPDX-License-Identifier: Apache-2.0
// Timers and signals as descriptors.
#pragma once

#include <initializer_list>
#include <optional>

#include <sys/signalfd.h>

#include "base/clock.hh"
#include "base/fd.hh"
#include "base/result.hh"

namespace rove::sys {

// Blocks the signals for this thread and returns a non-blocking descriptor that reports them.
Result<Fd> signal_fd(std::initializer_list<int> signals);
// None if no signal is waiting.
Result<std::optional<signalfd_siginfo>> read_signal(int fd);

// A non-blocking timer on CLOCK_MONOTONIC, not yet set.
Result<Fd> timer_fd();
// First after `first`, then every `period` (zero: once). first zero disarms it.
Status set_timer(int fd, Nanos first, Nanos period = Nanos(0));
// How often it was due since the last call.
Result<uint64_t> read_timer(int fd);

} // namespace rove::sys
