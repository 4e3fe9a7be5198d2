// SPDX-License-Identifier: Apache-2.0
// Time limit: see time_limit.hh.
#include "guest/time_limit.hh"

namespace rove::guest {

namespace {

constexpr uint32_t sys_poll = 7, sys_select = 23, sys_sigtimedwait = 128, sys_semtimedop = 220,
                   sys_epoll_wait = 232, sys_pselect = 270, sys_ppoll = 271, sys_epoll_pwait = 281,
                   sys_epoll_pwait2 = 441;
constexpr long second = 1000000000, millisecond = 1000000;

long now_ns() {
    int64_t time[2];
    sys(228, 1, time);
    return time[0] * second + time[1];
}

} // namespace

TimedCall::TimedCall(Slot& slot, UserContext const& user, uint32_t nr, uint64_t const args[6])
    : nr_(nr) {
    switch (nr) {
    case sys_poll:
    case sys_sigtimedwait:
        argument_ = 2;
        break;
    case sys_epoll_wait:
    case sys_epoll_pwait:
    case sys_semtimedop:
    case sys_epoll_pwait2:
        argument_ = 3;
        break;
    default:
        return;
    }
    in_memory_ = nr == sys_sigtimedwait || nr == sys_semtimedop || nr == sys_epoll_pwait2;
    auto const& before = own(slot).resumed;
    uint64_t value = args[argument_];
    int64_t time[2];
    if (before.timed == nr && before.at == user.rip - 2) {
        deadline_ = static_cast<long>(slot.thread.deadline_ns);
        again_ = true;
    } else if (!in_memory_) {
        auto ms = static_cast<int32_t>(value);
        if (ms > 0) deadline_ = now_ns() + ms * millisecond;
    } else if (value != 0 && copy_in(time, value, sizeof time) && time[0] >= 0 &&
               time[0] < 1 << 30 && time[1] >= 0 && time[1] < second) {
        deadline_ = now_ns() + time[0] * second + time[1];
    }
}

void TimedCall::shorten(uint64_t args[6]) {
    if (!again_) return;
    long left = deadline_ - now_ns();
    if (left < 0) left = 0;
    left_[0] = left / second;
    left_[1] = left % second;
    args[argument_] =
        in_memory_ ? word(left_) : static_cast<uint64_t>((left + millisecond - 1) / millisecond);
}

void TimedCall::keep(Slot& slot, UserContext const& user, int32_t code) const {
    if (deadline_ == 0 && code == 0) return;
    slot.thread.called_off = {
        user.rip - 2, code != 0 ? code : wire::restart_no_intr, deadline_ != 0 ? nr_ : 0};
    if (deadline_ != 0) slot.thread.deadline_ns = static_cast<uint64_t>(deadline_);
}

WrittenTime::WrittenTime(uint32_t nr) : nr_(nr) {
    if (nr == sys_select || nr == sys_pselect || nr == sys_ppoll) started_ = now_ns();
}

void WrittenTime::shorten(UserContext const& user) const {
    if (started_ == 0) return;
    long gone = now_ns() - started_;
    uint64_t at = nr_ == sys_ppoll ? user.rdx : user.r8;
    int64_t time[2];
    if (at == 0 || !copy_in(time, at, sizeof time)) return;
    long unit = nr_ == sys_select ? 1000 : 1;
    long left = time[0] * second + time[1] * unit - gone;
    if (left < 0) left = 0;
    time[0] = left / second;
    time[1] = left % second / unit;
    (void)copy_out(at, time, sizeof time);
}

} // namespace rove::guest
