// SPDX-License-Identifier: Apache-2.0
// Memory: calls on memory that is mapped already. The host's kernel does them, as long as they stay
// clear of the region; what the filter does not grant for its arguments is left to home, whose
// kernel then says what is wrong with them.
#include "guest/guest.hh"

#include "rt/memory.hh"

namespace rove::guest {

namespace {

constexpr uint64_t page = 4096;
constexpr uint64_t up(uint64_t n) {
    return (n + page - 1) & ~(page - 1);
}

constexpr long not_mapped = -12, invalid = -22;

bool overlaps_region(uint64_t at, uint64_t length) {
    uint64_t base = rt::region_base();
    return at < base + wire::region_size && at + length > base;
}

/// MADV_DONTFORK, DOFORK, WIPEONFORK, KEEPONFORK
bool is_for_forks(uint64_t advice) {
    return advice == 10 || advice == 11 || advice == 18 || advice == 19;
}

/// MADV_NORMAL to DONTNEED, FREE, those about private memory, COLLAPSE.
bool may_be_given(uint64_t advice) {
    return advice <= 4 || advice == 8 || (advice >= 10 && advice <= 23) || advice == 25;
}

/// 0 if all of it is mapped, ENOMEM if not.
long see_mapped(uint64_t at, uint64_t length) {
    uint8_t resident[16];
    long result = 0;
    for (uint64_t end = at + length; at < end && result == 0; at += sizeof resident * page) {
        uint64_t part = end - at < sizeof resident * page ? end - at : sizeof resident * page;
        result = sys(27, at, part, resident);
    }
    return result;
}

/// The host decides what it swaps: locking only finds out whether there is such memory.
long lock(uint64_t address, uint64_t length) {
    uint64_t at = address & ~(page - 1);
    uint64_t whole = up(length + (address & (page - 1)));
    return at + whole < at ? invalid : see_mapped(at, whole);
}

/// What is mapped here is private, or memory that is shared: nothing to be written back to. What is
/// to be written to a file's disk is home's.
long synchronize(uint64_t at, uint64_t length, uint64_t flags) {
    constexpr uint32_t asynchronous = 1, synchronous = 4, all = 7;
    auto kind = static_cast<uint32_t>(flags);
    constexpr uint32_t both = asynchronous | synchronous;
    if ((kind & ~all) != 0 || (kind & both) == both || at % page != 0) return invalid;
    uint64_t whole = up(length);
    return at + whole < at ? not_mapped : see_mapped(at, whole);
}

} // namespace

bool beyond_memory(uint64_t at, uint64_t length) {
    return ((at | length) >> 47) != 0;
}

bool perform_on_memory(Slot& slot, UserContext& user, uint32_t nr, uint64_t const args[6],
    long* result, Answer* answer) {
    auto native = [&](uint64_t third) {
        *result = rove_syscall(nr, args[0], args[1], third, args[3], args[4], args[5]);
        return true;
    };
    auto home = [&] {
        *answer = go_home(slot, user, HomeReason::memory_call, nr);
        return true;
    };
    auto refused = [&](long error) {
        *result = error;
        return true;
    };
    switch (nr) {
    case 26: // msync
        if (control().own_files != 0) return home();
        return refused(synchronize(args[0], args[1], args[2]));
    case 149:
    case 150: // mlock, munlock
        return refused(lock(args[0], args[1]));
    case 325: // mlock2: MLOCK_ONFAULT
        return refused(static_cast<int>(args[2]) & ~1 ? invalid : lock(args[0], args[1]));
    case 151: { // mlockall: some of MCL_CURRENT, MCL_FUTURE, and perhaps MCL_ONFAULT
        auto flags = static_cast<uint32_t>(args[0]);
        return refused((flags & ~7u) != 0 || (flags & 3u) == 0 ? invalid : 0);
    }
    case 152: // munlockall
        return refused(0);
    case 10: // mprotect: what is known of it, and PROT_SEM, PROT_GROWSDOWN, PROT_GROWSUP
        if (beyond_memory(args[0], args[1]) || (args[2] & ~uint64_t{0x0300000f}) != 0)
            return home();
        return overlaps_region(args[0], args[1]) ? refused(not_mapped) : native(args[2]);
    case 11: // munmap
        if (beyond_memory(args[0], args[1])) return home();
        return overlaps_region(args[0], args[1]) ? refused(not_mapped) : native(args[2]);
    case 27: // mincore
        return overlaps_region(args[0], args[1]) ? refused(not_mapped) : native(args[2]);
    case 28: { // madvise
        if (overlaps_region(args[0], args[1])) return refused(invalid);
        // MADV_DONTNEED_LOCKED: nothing is locked here.
        auto advice = static_cast<uint32_t>(args[2]) == 24 ? 4 : static_cast<uint32_t>(args[2]);
        if (beyond_memory(args[0], args[1]) || !may_be_given(advice)) return home();
        // What a fork does with memory must be known where forks are made.
        if (advice == 18 && args[0] % page == 0 && args[1] != 0) {
            bring(slot, args[0], args[1]); // home's are gone then
            // WIPEONFORK is for anonymous memory; at home a file may still be mapped there that was
            // unmapped here.
            *answer = forward_plain(slot, user, 9, args[0], up(args[1]), 3, 0x4032,
                static_cast<uint64_t>(-1), 0, result);
            if (*answer != Answer::result) return true;
        }
        return is_for_forks(advice) ? home() : native(advice);
    }
    case 25: { // mremap
        bool const fixed = (args[3] & 2) != 0;
        if (beyond_memory(args[0], args[1]) || (fixed && beyond_memory(args[4], args[2])))
            return home();
        if (overlaps_region(args[0], args[1]) || (fixed && overlaps_region(args[4], args[2])))
            return refused(-14);
        if ((args[3] & ~uint64_t{3}) != 0) return home(); // MREMAP_DONTUNMAP
        bring(slot, args[0], args[1]);                    // home has them where they were
        native(args[2]);
        // What lies in several mappings is not moved, and memory whose writes are watched does not
        // merge with what the program maps beside it, as it would at home.
        return *result == -14 && control().watched != 0 ? home() : true;
    }
    default:
        return false;
    }
}

} // namespace rove::guest
