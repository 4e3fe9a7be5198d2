// SPDX-License-Identifier: Apache-2.0
// Mapping: mmap while away. Anonymous memory is the host's. A file is mapped at home at the same
// address (so that home's list of mappings stays true), and here as the host keeps its bytes, or
// as a copy that is fetched. Memory that will be shared is mapped at home, too: children inherit it
// there as they do here.
#include "guest/guest.hh"

#include "rt/futex.hh"

namespace rove::guest {

namespace {

constexpr uint64_t shared = 1, private_ = 2, type_mask = 15, fixed = 0x10, anonymous = 0x20,
                   grows_down = 0x100, huge = 0x40000, fixed_noreplace = 0x100000,
                   no_reserve = 0x4000, stack = 0x20000;
/// What means something for private memory, or is known to mean nothing; the kernel overlooks all
/// other bits. Not MAP_LOCKED: the host decides what it swaps.
constexpr uint64_t of_private_memory = private_ | fixed | anonymous | fixed_noreplace | no_reserve |
                                       stack | 0x18000 /* POPULATE, NONBLOCK */ | 0x40 /* 32BIT */ |
                                       0x1800 /* DENYWRITE, EXECUTABLE */;
constexpr uint64_t fetch_max = 256u << 20; // a larger file is better mapped where it lies
constexpr uint64_t write_ = 2;             // PROT_WRITE

constexpr long again = -11;

/// Home has mapped it there. 0, `again`, or another errno: the host cannot have its bytes so.
long map_kept(Slot& slot, uint64_t place, uint64_t length, uint64_t prot, uint64_t type) {
    if (own(slot).shares) return -107; // the service socket is its parent's: ENOTCONN
    rt::Lock lock(&control().service_lock);
    int fd = -1;
    auto pages = static_cast<uint32_t>(length / 4096);
    long offset =
        ask_warden({wire::ServiceType::map_file, pages, static_cast<int64_t>(place)}, &fd, 1);
    if (offset < 0) return offset;
    long done = sys(9, place, length, prot, type | fixed, fd, offset);
    sys(3, fd);
    return done < 0 && done > -4096 ? done : 0;
}

} // namespace

Answer map(Slot& slot, UserContext& user, uint64_t const args[6], long* result) {
    uint64_t at = args[0], length = args[1], prot = args[2], flags = args[3];
    uint64_t base = rt::region_base();
    bool exact = flags & (fixed | fixed_noreplace);
    uint64_t rounded = (length + 4095) & ~4095ull;
    if (exact && at < base + wire::region_size && at + rounded > base) {
        *result = -12;
        return Answer::result;
    }
    if (exact && beyond_memory(at, rounded))
        return go_home(slot, user, HomeReason::memory_call, 9); // whose kernel refuses it
    if (flags & (grows_down | huge)) return go_home(slot, user, HomeReason::hugetlbfs, 9);
    if (flags & anonymous) {
        if ((flags & type_mask) == private_) {
            *result = rove_syscall(
                9, at, length, prot, flags & of_private_memory, static_cast<uint64_t>(-1), 0);
            return Answer::result;
        }
        if ((flags & type_mask) != shared || own(slot).shares)
            return go_home(slot, user, HomeReason::shared_writable_memory, 9);
    }
    uint64_t type = flags & type_mask;
    bool commons = (flags & anonymous) != 0;
    if (!commons && type != private_ && (type != shared || (prot & write_) != 0))
        return go_home(slot, user, HomeReason::shared_file_mapping, 9);
    if (length == 0 || rounded == 0) {
        *result = -22;
        return Answer::result;
    }
    if (rounded > fetch_max && !commons) return go_home(slot, user, HomeReason::large_mapping, 9);

    // The place first: chosen by the host's kernel, or given. Home's kernel then checks all the
    // rest.
    long where = rove_syscall(9, at, rounded, 0,
        (flags & (fixed_noreplace | stack)) | private_ | anonymous | no_reserve |
            ((flags & fixed) ? fixed_noreplace : 0),
        static_cast<uint64_t>(-1), 0);
    bool replaces = false;
    if ((flags & fixed) && where == -17) { // something lies there, it stays until home has agreed
        replaces = true;
        where = static_cast<long>(at);
        bring(slot, at, rounded); // if it stays, home has something else there
    }
    if (where < 0 && where > -4096) {
        *result = where;
        return Answer::result;
    }
    auto place = static_cast<uint64_t>(where);
    long done = 0;
    Answer answer = commons
                        ? forward_plain(slot, user, 9, place, length, prot | 1,
                              shared | anonymous | fixed | (flags & no_reserve), ~0ull, 0, &done)
                        : forward_plain(slot, user, 9, place, length, prot | 1,
                              (flags & ~fixed_noreplace) | fixed, args[4], args[5], &done);
    if (answer != Answer::result || done < 0) {
        if (!replaces) sys(11, place, rounded);
        *result = done;
        return answer;
    }
    long kept = map_kept(slot, place, rounded, prot, type);
    if (kept == 0) {
        if (prot == 5 && type == private_) offer_text(place, place + rounded);
        *result = where;
        return Answer::result;
    }
    // What is mapped at home for nothing is taken away when the process comes there.
    if (kept == again || type == shared) {
        if (!replaces) sys(11, place, rounded);
        if (kept == again) return Answer::redo;
        return go_home(slot, user,
            commons ? HomeReason::shared_writable_memory : HomeReason::shared_file_mapping, 9);
    }
    // Not reserved: so home knows it again as what it maps as a file.
    long copy = sys(9, place, rounded, 3, fixed | private_ | anonymous | no_reserve, -1, 0);
    if (copy < 0 && copy > -4096) {
        *result = copy;
        return Answer::result;
    }
    (void)fetch(slot, place, rounded, place);
    if (prot != 3) sys(10, place, rounded, prot);
    if (prot == 5) offer_text(place, place + rounded);
    *result = where;
    return Answer::result;
}

} // namespace rove::guest
