// SPDX-License-Identifier: Apache-2.0
// Builder: see builder.hh.
#include "syscalls/builder.hh"

namespace rove::syscalls {

namespace {

constexpr uint64_t path_max = 4096;

// Out buffers are touched before the call, as far as an ordinary call will fill them: touching all
// of a huge one would give it memory that the call may never need.
constexpr uint64_t probe_window = 256 * 1024;

} // namespace

uint64_t accessible(UserMemory const& user, uint64_t address, uint64_t size, Direction direction) {
    if (size == 0) return 0;
    if (direction == Direction::in) return user.readable(address, size);
    uint64_t const window = size < probe_window ? size : probe_window;
    uint64_t const found = user.writable(address, window);
    return found == window ? size : found;
}

int Builder::append(Holder holder) {
    if (plan.count == segments_max) {
        overflow = true;
        return -1;
    }
    Segment& s = plan.segments[plan.count];
    s.address = 0;
    s.length = s.valid = s.skip = 0;
    s.vector_count = s.unit = 0;
    s.holder = holder.holder;
    s.holder_offset = holder.offset;
    s.direction = Direction::none;
    s.clip = Clip::whole;
    s.flags = s.other = s.reserved = 0;
    return plan.count++;
}

int Builder::add(Holder holder, uint64_t address, uint64_t length, Direction direction, Clip clip,
    uint16_t unit, uint8_t flags) {
    if (address == 0) return -1;
    if (length > plan.bytes_max) {
        // More than the kernel would ever move is its own error; the rest only has no room here.
        if (length > transfer_max) return hole(holder);
        overflow = true;
        return -1;
    }
    int const index = append(holder);
    if (index < 0) return -1;
    plan.bytes_max -= length;
    Segment& s = plan.segments[index];
    s.address = address;
    s.length = static_cast<uint32_t>(length);
    s.direction = direction;
    s.clip = clip;
    s.unit = unit;
    s.flags = flags;
    if (direction == Direction::inout && (flags & flag_forgiving) == 0) {
        // It must be readable to travel, and writable to return.
        uint64_t const readable = accessible(user, address, length, Direction::in);
        s.valid = static_cast<uint32_t>(accessible(user, address, readable, Direction::out));
    } else {
        Direction const probe = direction == Direction::inout ? Direction::in : direction;
        s.valid = static_cast<uint32_t>(accessible(user, address, length, probe));
    }
    if (direction != Direction::out) plan.in_bytes += s.valid;
    if (direction != Direction::in) plan.out_bytes_max += s.valid;
    return index;
}

int Builder::hole(Holder holder) {
    int const index = append(holder);
    if (index >= 0) {
        plan.segments[index].direction = Direction::in;
        plan.segments[index].length = 1;
    }
    return index;
}

int Builder::space(Holder holder, uint64_t length) {
    if (length > plan.bytes_max) {
        if (length > transfer_max) return hole(holder);
        overflow = true;
        return -1;
    }
    int const index = append(holder);
    if (index >= 0) {
        plan.bytes_max -= length;
        plan.segments[index].length = plan.segments[index].valid = static_cast<uint32_t>(length);
    }
    return index;
}

int Builder::view(
    int of, size_t offset, uint64_t address, uint32_t size, Clip clip, uint16_t unit) {
    int const index = append({holder_view, static_cast<uint16_t>(offset)});
    if (index < 0) return -1;
    Segment& s = plan.segments[index];
    s.address = address;
    s.length = s.valid = size;
    s.direction = Direction::out;
    s.clip = clip;
    s.unit = unit;
    s.other = static_cast<uint8_t>(of);
    plan.out_bytes_max += size;
    return index;
}

void* Builder::local(size_t size) {
    size_t const rounded = (size + 7) & ~size_t{7};
    if (rounded > sizeof plan.local - plan.local_used) {
        overflow = true;
        return nullptr;
    }
    void* const at = plan.local + plan.local_used;
    plan.local_used += static_cast<uint32_t>(rounded);
    return at;
}

bool Builder::read_or_hole(Holder holder, void* to, uint64_t from, size_t size) {
    if (from != 0 && read(to, from, size)) return true;
    if (from != 0) hole(holder);
    return false;
}

int Builder::path(Holder holder, uint64_t address) {
    if (address == 0) return -1;
    char bytes[256];
    uint64_t length = 0;
    bool ended = false;
    bool readable = true;
    while (!ended && readable && length < path_max) {
        // Up to the end of a page at most: the string may end there, and nothing may lie behind.
        uint64_t const at = address + length;
        uint64_t ask = 4096 - (at & 4095);
        ask = ask < sizeof bytes ? ask : sizeof bytes;
        ask = ask < path_max - length ? ask : path_max - length;
        uint64_t const got = user.read(bytes, at, ask);
        uint64_t i = 0;
        while (i < got && bytes[i] != 0)
            ++i;
        length += i;
        ended = i < got;
        readable = got == ask;
    }
    int const index = append(holder);
    if (index < 0) return -1;
    Segment& s = plan.segments[index];
    s.address = address;
    s.direction = Direction::in;
    // 4096 bytes without an end are sent as they are: the kernel's answer is ENAMETOOLONG.
    uint64_t const valid = length + (ended ? 1 : 0);
    s.valid = static_cast<uint32_t>(valid);
    s.length = s.valid + (!ended && !readable ? 1 : 0);
    plan.in_bytes += s.valid;
    plan.bytes_max -= valid < plan.bytes_max ? valid : plan.bytes_max;
    return index;
}

} // namespace rove::syscalls
