// SPDX-License-Identifier: Apache-2.0
// Futex: see futex.hh.
#include "sys/futex.hh"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rove::sys {

void futex_wake(uint32_t const& word) {
    (void)::syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

} // namespace rove::sys
