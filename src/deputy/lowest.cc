// SPDX-License-Identifier: Apache-2.0
// Lowest: a new descriptor has the lowest number that is free.
//
// What the porter is given comes with the lowest one, too, and is moved up to the runtime's numbers
// at once (rt::NumberRoom). A call of the program that makes a descriptor in these microseconds
// gets a number that is too high. It cannot be kept from that, since many of these calls wait; so
// who finds that a room was open meanwhile gives the descriptor its right number afterwards.
#include "deputy/deputy.hh"

#include "rt/memory.hh"
#include "rt/number_room.hh"
#include "rt/sys.hh"

namespace rove::deputy {

namespace {

constexpr uint32_t fcntl = 72;
constexpr uint64_t dupfd = 0, getfd = 1, dupfd_cloexec = 1030;

/// Makes the descriptor that it returns.
bool makes_one(uint32_t nr, uint64_t const* args) {
    switch (nr) {
    case 2:   // open
    case 32:  // dup
    case 41:  // socket
    case 43:  // accept
    case 85:  // creat
    case 213: // epoll_create
    case 240: // mq_open
    case 253: // inotify_init
    case 257: // openat
    case 283: // timerfd_create
    case 284: // eventfd
    case 288: // accept4
    case 290: // eventfd2
    case 291: // epoll_create1
    case 294: // inotify_init1
    case 300: // fanotify_init
    case 304: // open_by_handle_at
    case 319: // memfd_create
    case 428: // open_tree
    case 434: // pidfd_open
    case 437: // openat2
    case 438: // pidfd_getfd
        return true;
    case 282: // signalfd
    case 289: // signalfd4
        return static_cast<int32_t>(args[0]) == -1;
    case fcntl:
        return args[1] == dupfd || args[1] == dupfd_cloexec;
    default:
        return false;
    }
}

/// Where a call that makes two of them writes their numbers, or null.
int32_t* pair_of(uint32_t nr, uint64_t const* args) {
    uint64_t at = nr == 22 || nr == 293 ? args[0] : nr == 53 ? args[3] : 0; // pipe, socketpair
    return reinterpret_cast<int32_t*>(at);
}

/// Locks of the file that the process has by other descriptors go with the number that is given up,
/// which is why nobody comes here without need.
int32_t lowered(int32_t fd, uint64_t least) {
    long flags = sys(fcntl, fd, getfd);
    if (flags < 0) return fd;
    long right = sys(fcntl, fd, (flags & 1) ? dupfd_cloexec : dupfd, least);
    if (right < 0) return fd;
    bool better = right < fd;
    sys(3, better ? fd : right);
    return better ? static_cast<int32_t>(right) : fd;
}

} // namespace

uint32_t rooms_opened() {
    return __atomic_load_n(&control().number_rooms, __ATOMIC_ACQUIRE);
}

long lowest_number(uint32_t before, uint32_t nr, uint64_t const* args, long result) {
    if (result < 0) return result;
    int32_t* pair = pair_of(nr, args);
    bool one = makes_one(nr, args);
    if (!one && !pair) return result;
    if (before != rooms_opened() || (before & 1) != 0) {
        rt::Lock lock(&control().lock);
        if (one) result = lowered(static_cast<int32_t>(result), nr == fcntl ? args[2] : 0);
        if (pair) pair[0] = lowered(pair[0], 0);
        if (pair) pair[1] = lowered(pair[1], 0);
    }
    if (one) note_number(static_cast<int32_t>(result));
    if (pair) note_number(pair[0]);
    if (pair) note_number(pair[1]);
    return result;
}

} // namespace rove::deputy
