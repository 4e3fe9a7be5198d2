// SPDX-License-Identifier: Apache-2.0
// Exec: the program becomes another one. Its deputy executes it at home, where the new image is the
// kernel's; this half ends when the link does. Nothing of the old memory is moved.
#include "guest/guest.hh"

#include "rt/memory.hh"
#include "syscalls/exec.hh"

namespace rove::guest {

namespace {

constexpr uint64_t page = 4096;
constexpr uint64_t strings_max = 8 << 20;  // the kernel's own limit is 6 MiB
constexpr uint64_t string_max = 32 * page; // MAX_ARG_STRLEN, with its end
constexpr long efault = -14, too_big = -7, no_memory = -12;

/// Strings one after the other, in memory of this thread's that grows.
struct Packed {
    uint64_t at = 0, room = 0, used = 0;

    ~Packed() { release(); }
    void release() {
        if (at != 0) sys(11, at, room);
        at = room = used = 0;
    }
    Packed() = default;
    Packed(Packed const&) = delete;
    Packed& operator=(Packed const&) = delete;

    bool make_room() {
        uint64_t larger = room == 0 ? 64 * page : room * 2;
        long fresh = sys(9, 0, larger, 3, 0x22, -1, 0);
        if (fresh < 0 && fresh > -4096) return false;
        if (at != 0) {
            memcpy(reinterpret_cast<void*>(fresh), reinterpret_cast<void const*>(at), used);
            sys(11, at, room);
        }
        at = static_cast<uint64_t>(fresh);
        room = larger;
        return true;
    }

    /// With its end. As the kernel would fail: by bytes that are not there, or by too many.
    long add_string(uint64_t from) {
        for (uint64_t length = 0;;) {
            if (used + page > room && !make_room()) return no_memory;
            uint64_t part = page - (from & (page - 1));
            auto* to = reinterpret_cast<char*>(at + used);
            if (!copy_in(to, from, part)) return efault;
            for (uint64_t i = 0; i < part; ++i) {
                if (to[i] != 0) continue;
                used += i + 1;
                return length + i + 1 > string_max ? too_big : 0;
            }
            used += part;
            length += part;
            from += part;
            if (length >= string_max || used > strings_max) return too_big;
        }
    }

    /// A list of addresses that ends with null; none at all is an empty one.
    long add_list(uint64_t from, uint64_t* count) {
        *count = 0;
        for (; from != 0; from += sizeof(uint64_t), ++*count) {
            uint64_t string;
            if (!copy_in(&string, from, sizeof string)) return efault;
            if (string == 0) break;
            if (long failed = add_string(string)) return failed;
        }
        return 0;
    }
};

} // namespace

Answer execute(Slot& slot, UserContext& user, uint32_t nr, uint64_t const args[6], long* result) {
    auto what = syscalls::executed_by(nr, args);
    char first;
    if (!copy_in(&first, what.path, 1)) {
        *result = efault;
        return Answer::result;
    }
    Packed strings;
    uint64_t counts[2] = {};
    long failed = strings.add_list(what.arguments, &counts[0]);
    if (failed == 0) failed = strings.add_list(what.environment, &counts[1]);
    if (failed != 0 && failed != efault) {
        *result = failed;
        return Answer::result;
    }
    if (failed == efault) {
        strings.release();
        counts[0] = syscalls::strings_missing;
    }
    syscalls::Plan plan;
    syscalls::plan_exec(plan, what, counts, strings.at, strings.used, user_memory());
    own(slot).executes = 1;
    send_plan(slot, plan);
    strings.release(); // a child that shares its parent's memory leaves nothing there
    Answer answer = take_answer(slot, user, plan, result);
    own(slot).executes = 0;
    return answer;
}

} // namespace rove::guest
