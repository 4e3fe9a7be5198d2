// SPDX-License-Identifier: Apache-2.0
// Vocabulary: the words in which rows.def describes arguments, and the kernel's structs they name.
//
// For table.cc alone: the kernel's own headers, which this includes, do not go together with
// libc's.
#pragma once

#include "syscalls/row.hh"

#include <asm/posix_types.h>
#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/eventpoll.h>
#include <linux/mqueue.h>
#include <linux/resource.h>
#include <linux/signal.h>
#include <linux/stat.h>
#include <linux/sysinfo.h>
#include <linux/time_types.h>
#include <linux/timex.h>
#include <linux/utsname.h>

namespace rove::syscalls::vocabulary {

using Timespec = __kernel_timespec;
using Itimerspec = __kernel_itimerspec;
using Timeval = __kernel_old_timeval;
using Rlimit = rlimit64;
using MqAttr = mq_attr;
using Siginfo = siginfo_t;
static_assert(sizeof(Siginfo) == 128);

struct Timezone {
    int west, dst;
};
struct PollFd {
    int fd;
    short events, revents;
};
struct SemOp {
    unsigned short number;
    short operation, flags;
};
struct KernelSigaction { // not <linux/signal.h>'s, which is libc's order
    uint64_t handler, flags, restorer, mask;
};
struct Ustat {
    int free_blocks;
    long free_inodes;
    char name[6], pack[6];
};
static_assert(sizeof(Ustat) == 32);

constexpr Argument val{Kind::val, 0, 0};
constexpr Argument fd{Kind::fd, 0, 0};
constexpr Argument pid{Kind::pid, 0, 0};
constexpr Argument path{Kind::path, 0, 0};
constexpr Argument strings{Kind::strings, 0, 0};

constexpr Argument in(uint8_t n) {
    return {Kind::in, n, 0};
}
constexpr Argument out(uint8_t n) {
    return {Kind::out, n, 0};
}
constexpr Argument out_whole(uint8_t n) {
    return {Kind::out_whole, n, 0};
}
constexpr Argument in_stream(uint8_t n) {
    return {Kind::in_stream, n, 0};
}
constexpr Argument out_stream(uint8_t n) {
    return {Kind::out_stream, n, 0};
}
constexpr Argument out_deref(uint8_t n) {
    return {Kind::out_deref, n, 0};
}
constexpr Argument inout_on_error(uint16_t size) {
    return {Kind::inout_on_error, 0, size};
}

template <class T> constexpr Argument in_of{Kind::in_of, 0, sizeof(T)};
template <class T> constexpr Argument out_of{Kind::out_of, 0, sizeof(T)};
template <class T> constexpr Argument out_of_nonzero{Kind::out_of_nonzero, 0, sizeof(T)};
template <class T> constexpr Argument inout_of{Kind::inout_of, 0, sizeof(T)};
template <class T> constexpr Argument inout_always{Kind::inout_always, 0, sizeof(T)};
template <class T> constexpr Argument in_array(uint8_t n) {
    return {Kind::in_array, n, sizeof(T)};
}
template <class T> constexpr Argument out_array(uint8_t n) {
    return {Kind::out_array, n, sizeof(T)};
}
template <class T> constexpr Argument inout_array(uint8_t n) {
    return {Kind::inout_array, n, sizeof(T)};
}

constexpr Argument by_hand_of(Walker walker) {
    return {Kind::by_hand, 0, static_cast<uint16_t>(walker)};
}
#define by_hand(walker) by_hand_of(Walker::walker)

} // namespace rove::syscalls::vocabulary
