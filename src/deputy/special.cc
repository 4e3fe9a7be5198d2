// SPDX-License-Identifier: Apache-2.0
// Special: calls whose arguments mean something to the runtime, and the descriptors that are ours.
#include "deputy/deputy.hh"

#include "rt/memory.hh"

namespace rove::deputy {

namespace {

/// The program closes a range: ours stay.
long close_range(uint64_t first, uint64_t last, uint64_t flags) {
    auto own_first = static_cast<uint64_t>(control().fd_first);
    auto own_last = static_cast<uint64_t>(control().fd_last);
    first &= 0xffffffff;
    last &= 0xffffffff;
    if (flags & 2) return -22; // UNSHARE: this table is shared with nobody that it could leave
    if (last < own_first || first > own_last) return sys(436, first, last, flags);
    if (first > last) return -22;
    long result = 0;
    if (first < own_first) result = sys(436, first, own_first - 1, flags);
    if (result == 0 && last > own_last) result = sys(436, own_last + 1, last, flags);
    return result;
}

} // namespace

bool is_ours(uint64_t fd) {
    auto number = static_cast<int32_t>(fd);
    return number >= control().fd_first && number <= control().fd_last && control().fd_first > 0;
}

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
        done.result = rove_syscall(9, a[0], a[1], a[2], a[3], a[4], a[5]);
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
    case 14: done.result = 0; return true; // the mask came with the header
    case 56: done = new_thread(slot, a[0]); return true;
    case 436: done.result = close_range(a[0], a[1], a[2]); return true;
    default: return false;
    }
}

long check_descriptors(uint32_t nr, uint64_t const args[6], uint16_t* flags) {
    auto const& row = syscalls::row_of(nr);
    for (int i = 0; i < 6; ++i) {
        if (row.args[i].kind == syscalls::Kind::fd && is_ours(args[i])) {
            bool target = (nr == 33 || nr == 292) && i == 1; // dup2, dup3: the program wants that number
            if (!target) return -9;
            *flags |= wire::flag_go_home;
        }
    }
    if ((nr == 33 || nr == 292) && is_ours(args[1])) *flags |= wire::flag_go_home;
    if (nr == 233 && is_ours(args[2])) return -9; // epoll_ctl
    return 0;
}

long hide_entries(int fd, unsigned char* entries, long length, bool wide) {
    uint64_t statfs[16] = {};
    if (!wide || sys(138, fd, statfs) != 0 || statfs[0] != 0x9fa0) return length; // PROC_SUPER_MAGIC
    long out = 0;
    for (long at = 0; at + 19 <= length;) {
        uint16_t size;
        memcpy(&size, entries + at + 16, sizeof size);
        if (size < 20 || at + size > length) break;
        unsigned char type = entries[at + 18];
        uint64_t number = 0;
        bool digits = entries[at + 19] != 0;
        for (long i = at + 19; i < at + size && entries[i] != 0; ++i) {
            if (entries[i] < '0' || entries[i] > '9' || number > 100000000) {
                digits = false;
                break;
            }
            number = number * 10 + (entries[i] - '0');
        }
        bool ours = digits && (type == 10 || type == 8) && is_ours(number); // links of fd/, files of fdinfo/
        if (!ours) {
            memmove(entries + out, entries + at, size);
            out += size;
        }
        at += size;
    }
    return out;
}

} // namespace rove::deputy
