// SPDX-License-Identifier: Apache-2.0
// Async: the few pieces of Boost.Asio that the daemon's coroutines are written with.
//
// Everything runs in one thread, so state is consistent between two co_awaits and nothing is
// locked.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/clock.hh"

// g++ 12 takes the coroutine frame's own delete for a mismatch wherever it inlines it.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace rove::node {

namespace asio = boost::asio;
template <class T = void> using Task = asio::awaitable<T>;
// co_await f(…, no_throw) gives a tuple that begins with the error code.
constexpr auto no_throw = asio::as_tuple(asio::use_awaitable);

inline Task<> pause(asio::io_context& io, Nanos time) {
    asio::steady_timer timer(io, time);
    (void)co_await timer.async_wait(no_throw);
}

// The next beat of that period. Those of one period meet, so that they wake the daemon once.
inline asio::steady_timer::time_point next_beat(Nanos period, Nanos offset = Nanos(0)) {
    return asio::steady_timer::time_point(
        ((monotonic_now() - offset) / period + 1) * period + offset);
}
inline Task<> pause_to_beat(asio::io_context& io, Nanos period, Nanos offset = Nanos(0)) {
    asio::steady_timer timer(io, next_beat(period, offset));
    (void)co_await timer.async_wait(no_throw);
}

inline void start(asio::io_context& io, Task<> task) {
    asio::co_spawn(io, std::move(task), asio::detached);
}

// Something that happens once, and any number of coroutines that wait for it. Must outlive its
// waiters: keep it in a shared_ptr.
class Event {
public:
    explicit Event(asio::io_context& io) : timer_(io, asio::steady_timer::time_point::max()) {}
    void set() {
        set_ = true;
        timer_.cancel();
    }
    bool is_set() const { return set_; }
    // Whether it has happened by then. A second waiter must not give an earlier time.
    Task<bool> wait(Nanos timeout) {
        if (set_) co_return true;
        if (timeout == Nanos::max()) {
            (void)co_await timer_.async_wait(no_throw);
            co_return set_;
        }
        timer_.expires_after(timeout);
        (void)co_await timer_.async_wait(no_throw);
        co_return set_;
    }

private:
    asio::steady_timer timer_;
    bool set_ = false;
};

// One at a time, in the order of asking.
class Turnstile {
public:
    explicit Turnstile(asio::io_context& io) : io_(io) {}
    struct Turn {
        Turnstile* gate = nullptr;
        Turn() = default;
        explicit Turn(Turnstile* a_gate) : gate(a_gate) {}
        Turn(Turn&& other) noexcept : gate(std::exchange(other.gate, nullptr)) {}
        Turn& operator=(Turn&&) = delete;
        ~Turn() {
            if (gate) gate->leave();
        }
    };
    Task<Turn> enter() {
        if (busy_) {
            auto mine = std::make_shared<Event>(io_);
            waiting_.push_back(mine);
            (void)co_await mine->wait(Nanos::max());
        }
        busy_ = true;
        co_return Turn(this);
    }
    bool busy() const { return busy_; }
    size_t waiting() const { return waiting_.size(); }

private:
    void leave() {
        if (waiting_.empty()) {
            busy_ = false;
            return;
        }
        // Stays busy: it is handed over.
        auto next = waiting_.front();
        waiting_.erase(waiting_.begin());
        next->set();
    }
    asio::io_context& io_;
    bool busy_ = false;
    std::vector<std::shared_ptr<Event>> waiting_;
};

} // namespace rove::node
