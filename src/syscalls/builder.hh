// SPDX-License-Identifier: Apache-2.0
// Builder: makes the segments of a plan, for the regular walker and those written by hand.
//
// Everything said here about a pointer is what the kernel would do: a null pointer makes no segment
// and remains null; memory that is not there makes a segment that says so. What does not fit into a
// plan sets `overflow`: the process then goes home for this call.
//
// Freestanding; used by the guest only.
#pragma once

#include "syscalls/plan.hh"

namespace rove::syscalls {

/// What a segment hangs on: an argument register, or a place inside an earlier segment.
struct Holder {
    uint8_t holder;
    uint16_t offset;
};
constexpr Holder argument(unsigned n) {
    return {static_cast<uint8_t>(n), 0};
}
constexpr Holder inside(int segment, size_t offset) {
    return {static_cast<uint8_t>(holder_segment + segment), static_cast<uint16_t>(offset)};
}

class Builder {
public:
    Builder(Plan& to, UserMemory const& memory, Limits const& bounds)
        : plan(to), user(memory), limits(bounds) {}

    /// A segment of the caller's memory. Returns its index, or -1 for a null pointer or no room.
    int add(Holder holder, uint64_t address, uint64_t length, Direction direction,
        Clip clip = Clip::whole, uint16_t unit = 0, uint8_t flags = 0);
    int in(Holder holder, uint64_t address, uint64_t length) {
        return add(holder, address, length, Direction::in);
    }
    int out(Holder holder, uint64_t address, uint64_t length, Clip clip = Clip::whole,
        uint16_t unit = 0) {
        return add(holder, address, length, Direction::out, clip, unit);
    }
    int inout(Holder holder, uint64_t address, uint64_t length, uint8_t flags = 0) {
        return add(holder, address, length, Direction::inout, Clip::whole, 0, flags);
    }

    /// A string as the kernel's getname reads it.
    int path(Holder holder, uint64_t address);

    /// `holder` points to memory that is not there: home's kernel says what that means.
    int hole(Holder holder);

    /// Memory at home of which nothing travels by itself.
    int space(Holder holder, uint64_t length);

    /// `size` bytes of segment `of`, from `offset` on, go back to `address`.
    int view(int of, size_t offset, uint64_t address, uint32_t size, Clip clip = Clip::whole,
        uint16_t unit = 0);

    /// An iovec array at `address`: becomes one entry in a local array at `holder` and one data
    /// segment. False: it is not as the kernel wants it and `count` must be sent as it is, so that
    /// the kernel says so. `data` gets the index of the data segment.
    bool vector(Holder holder, uint64_t address, uint64_t count, Direction direction, uint64_t skip,
        int& data);

    /// Bytes of the plan's own; null if there is no room.
    void* local(size_t size);

    /// Copies a struct from the caller; false if it is not there whole.
    bool read(void* to, uint64_t from, size_t size) { return user.read(to, from, size) == size; }

    /// A struct that may be unreadable: read it into `to`, or make a hole segment of it and say
    /// false.
    bool read_or_hole(Holder holder, void* to, uint64_t from, size_t size);

    Segment& segment(int index) { return plan.segments[index]; }

    Plan& plan;
    UserMemory const& user;
    Limits const& limits;
    bool overflow = false;

private:
    int append(Holder holder);
};

/// How many bytes of `size` the caller can access; looks at no more than what the kernel will
/// surely touch.
uint64_t accessible(UserMemory const& user, uint64_t address, uint64_t size, Direction direction);

/// Walkers of special/, one per Walker.
#define WALKER(name) Verdict walk_##name(Builder& build)
WALKER(vector);
WALKER(sendmsg);
WALKER(recvmsg);
WALKER(sendmmsg);
WALKER(recvmmsg);
WALKER(sockopt);
WALKER(ioctl);
WALKER(fcntl);
WALKER(select);
WALKER(clock);
WALKER(itimer);
WALKER(sigevent);
WALKER(mmap);
WALKER(clone);
WALKER(prctl);
WALKER(arch_prctl);
WALKER(personality);
WALKER(robust);
WALKER(scheduler);
WALKER(capability);
WALKER(mempolicy);
WALKER(sysv_control);
WALKER(sysv_message);
WALKER(keyctl);
WALKER(quotactl);
WALKER(mount);
WALKER(fsconfig);
WALKER(sysfs);
WALKER(file_handle);
WALKER(landlock);
WALKER(statmount);
WALKER(lsm);
WALKER(xattrat);

} // namespace rove::syscalls
