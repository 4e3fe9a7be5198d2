// SPDX-License-Identifier: Apache-2.0
// Descriptors: numbers of ours do not exist for the program.
//
// Where a call names one, the kernel is given a number that nobody can have instead: so it finds
// the same errors in the same order as it would natively. Only a call that wants such a number for
// itself cannot be answered here: the process does it at home.
#include "deputy/deputy.hh"

#include "abi/x86_64/messages.hh"
#include "rt/memory.hh"

namespace rove::deputy {

namespace {

using abi::MessageHeader;
using abi::MultiMessage;
using syscalls::Placement;

constexpr int32_t number_max = 0x7fffffff; // no table reaches as far

constexpr uint64_t refused_count = 0x80000009; // negative, and nobody means it

int32_t stand_in(int32_t number) {
    return number_max - (number - control().fd_first);
}
bool stands_in(int32_t number) {
    return number > number_max - (control().fd_last - control().fd_first) - 1;
}

struct Bytes {
    uint64_t address = 0, length = 0; // what can be touched
    int segment = -1;
};

Bytes held_by(Placement const& placement, unsigned holder, unsigned offset = 0) {
    for (unsigned i = 0; i < placement.count; ++i) {
        auto const& w = placement.segments[i];
        if (w.holder == holder && (holder < 6 || w.holder_offset == offset))
            return {placement.placed[i].address, placement.placed[i].valid, static_cast<int>(i)};
    }
    return {};
}

void poll_set(Placement const& placement, bool hide) {
    Bytes set = held_by(placement, 0);
    for (uint64_t at = 0; at + 8 <= set.length; at += 8) {
        auto* number = reinterpret_cast<int32_t*>(set.address + at);
        if (hide && is_ours(static_cast<uint64_t>(*number)))
            *number = stand_in(*number);
        else if (!hide && stands_in(*number))
            *number = control().fd_first + (number_max - *number);
    }
}

bool select_sets_name_ours(Placement const& placement) {
    auto highest = static_cast<int32_t>(placement.args[0]);
    auto first = control().fd_first;
    if (highest <= first) return false;
    for (unsigned i = 1; i <= 3; ++i) {
        Bytes set = held_by(placement, i);
        for (int32_t n = first;
             n <= control().fd_last && n < highest && static_cast<uint64_t>(n) / 8 < set.length;
             ++n) {
            bool named = reinterpret_cast<uint8_t const*>(set.address)[n / 8] >> (n % 8) & 1;
            if (named && is_ours(static_cast<uint64_t>(n))) return true;
        }
    }
    return false;
}

/// Descriptors that a message carries.
void message_rights(
    Placement const& placement, Bytes const& headers, size_t offset, void (*look)(int32_t&)) {
    Bytes control_bytes =
        held_by(placement, static_cast<unsigned>(syscalls::holder_segment + headers.segment),
            static_cast<unsigned>(offset + offsetof(MessageHeader, control)));
    uint64_t filled; // of one that was received it may be less
    memcpy(&filled,
        reinterpret_cast<void const*>(
            headers.address + offset + offsetof(MessageHeader, control_length)),
        sizeof filled);
    if (filled < control_bytes.length) control_bytes.length = filled;
    struct Head {
        uint64_t length;
        int32_t level, type;
    } head;
    for (uint64_t at = 0; at + sizeof head <= control_bytes.length;) {
        memcpy(&head, reinterpret_cast<void const*>(control_bytes.address + at), sizeof head);
        if (head.length < sizeof head || head.length > control_bytes.length - at) return;
        if (head.level == 1 && head.type == 1) { // SOL_SOCKET, SCM_RIGHTS
            for (uint64_t k = sizeof head; k + 4 <= head.length; k += 4)
                look(*reinterpret_cast<int32_t*>(control_bytes.address + at + k));
        }
        at += (head.length + 7) & ~7ull;
    }
}

/// Of that many messages at most.
void rights(Placement const& placement, uint64_t messages, void (*look)(int32_t&)) {
    Bytes headers = held_by(placement, 1);
    if (headers.segment < 0) return;
    uint64_t each =
        placement.nr == 46 || placement.nr == 47 ? sizeof(MessageHeader) : sizeof(MultiMessage);
    for (uint64_t i = 0; i < messages && (i + 1) * each <= headers.length; ++i)
        message_rights(placement, headers, i * each, look);
}

uint64_t soft_limit() {
    uint64_t limit[2] = {};
    sys(302, 0, 7, 0, limit); // RLIMIT_NOFILE
    return limit[0];
}

bool is_dup2(uint32_t nr) {
    return nr == 33 || nr == 292;
}
bool duplicates_from(Placement const& placement) {
    return placement.nr == 72 && (placement.args[1] == 0 || placement.args[1] == 1030);
}

/// Above its hard limit nobody can make a descriptor: neither a link nor what a way home needs.
bool takes_our_numbers(Placement const& placement) {
    constexpr uint32_t setrlimit = 160, prlimit = 302, nofile = 7;
    bool by_pid = placement.nr == prlimit;
    if (placement.nr != setrlimit && !by_pid) return false;
    auto whose = static_cast<int32_t>(placement.args[0]);
    if (by_pid && whose != 0 && whose != control().pid) return false;
    Bytes limit = held_by(placement, by_pid ? 2 : 1);
    if (static_cast<uint32_t>(placement.args[by_pid ? 1 : 0]) != nofile || limit.length < 16)
        return false;
    auto const* words = reinterpret_cast<uint64_t const*>(limit.address);
    return control().fd_first > 0 && words[1] <= static_cast<uint64_t>(control().fd_last);
}

} // namespace

bool hide_numbers(Placement& placement) {
    auto const& row = syscalls::row_of(placement.nr);
    if (takes_our_numbers(placement)) return false;
    // Above the limit the kernel refuses by itself.
    bool wanted = (is_dup2(placement.nr) && is_ours(placement.args[1]) &&
                      placement.args[1] != placement.args[0]) ||
                  (duplicates_from(placement) && is_ours(placement.args[2]));
    if (wanted && placement.args[is_dup2(placement.nr) ? 1 : 2] < soft_limit()) return false;
    for (unsigned i = 0; i < 6; ++i) {
        if (syscalls::is_descriptor(row, i) && is_ours(placement.args[i]))
            placement.args[i] =
                static_cast<uint64_t>(stand_in(static_cast<int32_t>(placement.args[i])));
    }
    switch (placement.nr) {
    case 7:
    case 271:
        poll_set(placement, true);
        break;
    case 23:
    case 270:
        if (select_sets_name_ours(placement)) placement.args[0] = refused_count; // see show_numbers
        break;
    case 46:
    case 307:
        rights(placement, placement.nr == 46 ? 1 : placement.args[2], [](int32_t& number) {
            if (is_ours(static_cast<uint64_t>(number))) number = number_max;
        });
        break;
    case 3: // before it can be somebody else's
        forget_number(static_cast<int32_t>(placement.args[0]));
        break;
    default:
        break;
    }
    return true;
}

bool show_numbers(Placement const& placement, long* result) {
    switch (placement.nr) {
    case 7:
    case 271:
        poll_set(placement, false);
        break;
    case 23:
    case 270: // a negative count is refused like an absent descriptor, but by another word
        if (placement.args[0] == refused_count && *result == -22) *result = -9;
        break;
    case 47:
    case 299:
        if (*result < 0) break;
        rights(placement, placement.nr == 47 ? 1 : static_cast<uint64_t>(*result),
            [](int32_t& number) { note_number(number); });
        break;
    default:
        break;
    }
    // Are we what fills the table, or what made the kernel skip numbers?
    bool full = *result == -24 && static_cast<uint64_t>(control().fd_first) < soft_limit();
    bool skipped = duplicates_from(placement) && *result > control().fd_last &&
                   static_cast<int64_t>(placement.args[2]) <= control().fd_last;
    if (skipped) sys(3, *result);
    return !full && !skipped;
}

long close_range(uint64_t first, uint64_t last, uint64_t flags, uint16_t* answer_flags) {
    auto own_first = static_cast<uint64_t>(control().fd_first);
    auto own_last = static_cast<uint64_t>(control().fd_last);
    first &= 0xffffffff;
    last &= 0xffffffff;
    if (last < own_first || first > own_last || first > last || (flags & ~6ull))
        return sys(436, first, last, flags);
    if (flags & 2) { // UNSHARE: a table of the caller's own, in which the porter would not be
        *answer_flags |= wire::flag_go_home;
        return 0;
    }
    long result = 0;
    if (first < own_first) result = sys(436, first, own_first - 1, flags);
    if (result == 0 && last > own_last) result = sys(436, own_last + 1, last, flags);
    if (result == 0) close_programs(first, last, flags);
    return result;
}

/// A listing is one of descriptors or of tasks: its entries say which.
long hide_entries(int fd, unsigned char* entries, long length, bool wide) {
    uint64_t statfs[16] = {};
    if (sys(138, fd, statfs) != 0 || statfs[0] != 0x9fa0) return length; // PROC_SUPER_MAGIC
    long name_at = wide ? 19 : 18;
    auto porter = static_cast<uint64_t>(rt::slot_at(0).tid);
    long out = 0;
    for (long at = 0; at + name_at < length;) {
        uint16_t size;
        memcpy(&size, entries + at + 16, sizeof size);
        if (size <= name_at || at + size > length) break;
        unsigned char type = entries[wide ? at + 18 : at + size - 1];
        uint64_t number = 0;
        bool digits = entries[at + name_at] != 0;
        for (long i = at + name_at; i < at + size && entries[i] != 0; ++i) {
            if (entries[i] < '0' || entries[i] > '9' || number > 100000000) {
                digits = false;
                break;
            }
            number = number * 10 + (entries[i] - '0');
        }
        bool ours =
            digits && ((type == 10 || type == 8) ? is_ours(number) : type == 4 && number == porter);
        if (!ours) {
            memmove(entries + out, entries + at, size);
            out += size;
        }
        at += size;
    }
    return out;
}

} // namespace rove::deputy
