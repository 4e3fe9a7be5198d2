// SPDX-License-Identifier: Apache-2.0
// Special: calls whose arguments mean something to the runtime.
#include "deputy/deputy.hh"

#include "rt/futex.hh"
#include "rt/memory.hh"

namespace rove::deputy {

bool perform_special(Slot& slot, uint32_t nr, uint64_t a[6], Done& done) {
    switch (nr) {
    case 9: { // mmap of a file, at the place that the guest has chosen
        uint64_t base = rt::region_base();
        if (a[0] < base + wire::region_size && a[0] + a[1] > base) {
            done.result = -12;
            return true;
        }
        if (is_ours(a[4])) {
            done.result = -9;
            return true;
        }
        // Not while the porter receives pages of before: they would be taken for the file's.
        rt::Lock lock(&control().map_lock);
        done.result = rove_syscall(9, a[0], a[1], a[2], a[3], a[4], a[5]);
        __atomic_fetch_add(&control().remapped, 1, __ATOMIC_RELEASE);
        return true;
    }
    case 13: { // rt_sigaction: number, handler, flags, restorer, -, mask
        if (a[0] < 1 || a[0] > 64 || a[0] == 9 || a[0] == 19) {
            done.result = -22;
            return true;
        }
        done.result = set_action(static_cast<uint32_t>(a[0]), {a[1], a[2], a[3], a[5]});
        return true;
    }
    case 14:
        done.result = 0;
        return true; // the mask came with the header
    case 56: {
        constexpr uint64_t clone_thread = 0x10000;
        // A child would map the file that its parent stores into elsewhere.
        if ((a[0] & clone_thread) == 0 && control().own_files != 0) {
            done = {static_cast<long>(wire::HomeReason::fork), wire::flag_go_home};
            return true;
        }
        done = (a[0] & clone_thread) ? new_thread(slot, a[0]) : new_process(slot, a[0]);
        return true;
    }
    case 436:
        done.result = close_range(a[0], a[1], a[2], &done.flags);
        return true;
    default:
        return false;
    }
}

} // namespace rove::deputy
