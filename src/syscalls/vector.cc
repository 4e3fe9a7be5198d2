// SPDX-License-Identifier: Apache-2.0
// Vector: iovec arrays, taken apart by the guest into one row of bytes.
#include "syscalls/vector.hh"

#include "syscalls/builder.hh"

namespace rove::syscalls {

namespace {

constexpr uint64_t entries_limit = 1024; // UIO_MAXIOV

} // namespace

bool VectorCursor::load(uint32_t entry) {
    if (entry >= first_ && entry < first_ + loaded_) return true;
    if (entry >= segment_.vector_count) return false;
    uint32_t count = segment_.vector_count - entry;
    if (count > 8) count = 8;
    if (user_.read(entries_, segment_.address + entry * sizeof(Piece), count * sizeof(Piece)) !=
        count * sizeof(Piece))
        return false;
    first_ = entry;
    loaded_ = count;
    return true;
}

bool VectorCursor::at(uint32_t offset, uint32_t size, Piece& piece) {
    if (offset >= segment_.valid) return false;
    if (size > segment_.valid - offset) size = segment_.valid - offset;
    if ((segment_.flags & flag_vector) == 0) {
        piece = {segment_.address + offset, size};
        return size != 0;
    }
    uint64_t const wanted = uint64_t{segment_.skip} + offset;
    for (; load(entry_); ++entry_) {
        Piece const& e = entries_[entry_ - first_];
        if (wanted < before_ + e.length) {
            uint64_t const inside = wanted - before_;
            uint64_t const rest = e.length - inside;
            piece = {e.address + inside, rest < size ? rest : size};
            return true;
        }
        before_ += e.length;
    }
    return false;
}

bool Builder::vector(Holder holder, uint64_t address, uint64_t count, Direction direction,
    uint64_t skip, int& data) {
    data = -1;
    if (count > entries_limit || (count != 0 && address == 0)) {
        hole(holder);
        return false;
    }
    // Keep a copy where there is room: the call may write over its own array.
    uint64_t array = address;
    Piece* kept = nullptr;
    if (count <= sizeof plan.pieces / sizeof(Piece) - plan.pieces_used) {
        kept = plan.pieces + plan.pieces_used;
        if (!read(kept, address, count * sizeof(Piece)) && count != 0) {
            hole(holder);
            return false;
        }
        plan.pieces_used += static_cast<uint32_t>(count);
        array = reinterpret_cast<uint64_t>(kept);
    }
    auto* const single = static_cast<Piece*>(local(sizeof(Piece)));
    if (!single) return false;
    int const index = in(holder, reinterpret_cast<uint64_t>(single), sizeof(Piece));
    if (index < 0) return false;

    uint64_t total = 0; // of the array, as the kernel counts it
    uint64_t valid = 0; // of the bytes after `skip`, without a gap
    bool gap = false;
    Piece chunk[8];
    for (uint64_t i = 0; i < count; ++i) {
        if (!kept && i % 8 == 0) {
            uint64_t const n = count - i < 8 ? count - i : 8;
            if (!read(chunk, address + i * sizeof(Piece), n * sizeof(Piece))) {
                --plan.count; // the single entry
                plan.in_bytes -= sizeof(Piece);
                hole(holder);
                return false;
            }
        }
        Piece const& e = kept ? kept[i] : chunk[i % 8];
        if (static_cast<int64_t>(e.length) < 0) {
            // An array of one such entry is refused for the same reason.
            *single = {0, e.length};
            return true;
        }
        uint64_t length = e.length < transfer_max - total ? e.length : transfer_max - total;
        uint64_t const from = total < skip ? (skip - total < length ? skip - total : length) : 0;
        total += length;
        length -= from;
        if (gap || length == 0) continue;
        uint64_t const room = plan.bytes_max - valid; // nothing beyond the cut is looked at
        uint64_t const look = length < room ? length : room;
        uint64_t const found = accessible(user, e.address + from, look, direction);
        valid += found;
        gap = found < length;
    }
    uint64_t length = total > skip ? total - skip : 0;
    if (length > plan.bytes_max) {
        length = plan.bytes_max;
        plan.cut = true;
        plan.cut_at = length;
    }
    *single = {0, length};

    data = append(inside(index, 0));
    if (data < 0) return false;
    Segment& s = plan.segments[data];
    s.length = static_cast<uint32_t>(length);
    s.valid = static_cast<uint32_t>(valid < length ? valid : length);
    s.direction = direction;
    s.clip = direction == Direction::out ? Clip::by_result : Clip::whole;
    if (count == 1) {
        Piece one{};
        (void)read(&one, array, sizeof one);
        s.address = one.address + skip;
    } else {
        s.address = array;
        s.vector_count = static_cast<uint16_t>(count);
        s.skip = static_cast<uint32_t>(skip);
        s.flags = flag_vector;
    }
    plan.bytes_max -= length;
    (direction == Direction::in ? plan.in_bytes : plan.out_bytes_max) += s.valid;
    return true;
}

} // namespace rove::syscalls
