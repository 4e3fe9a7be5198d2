// SPDX-License-Identifier: Apache-2.0
// Landing: where a session's connections arrive. Each begins with a hello that has the token.
//
// Anybody may connect; who does not know the token learns nothing and holds nothing for long.
#pragma once

#include <functional>
#include <list>
#include <string>

#include "base/fd.hh"
#include "base/result.hh"
#include "sys/loop.hh"
#include "wire/keeper.hh"
#include "wire/session.hh"

namespace rove::warden {

/// One of HelloReply's numbers.
enum class Verdict : uint16_t {
    ok = 1,
    wrong_token = 2,
    wrong_version = 3,
    wrong_epoch = 4,
    nothing_expected = 5
};

/// Of our protocol, in our version: what any 32 bytes deserve.
bool check_version(wire::Hello const& hello);
/// Takes the same time whatever stands there.
bool check_token(wire::Hello const& hello, std::string const& token);

class Landing {
public:
    using Judge = std::function<Verdict(wire::Hello const&)>;    // the version is right
    using Arrived = std::function<void(wire::Hello const&, Fd)>; // after the reply was sent

    Landing(sys::Loop& loop, Judge judge, Arrived arrived);
    ~Landing();
    Landing(Landing const&) = delete;
    Landing& operator=(Landing const&) = delete;

    Status listen(wire::WardenOrder const& order);
    uint16_t port() const { return port_; }

private:
    struct Guestbook { // a connection whose hello has not come yet
        Fd socket;
        std::string bytes;
        sys::Loop::TimerId limit = 0;
    };
    void accept();
    void read(std::list<Guestbook>::iterator entry);
    void drop(std::list<Guestbook>::iterator entry);

    sys::Loop& loop_;
    Judge judge_;
    Arrived arrived_;
    Fd listener_;
    uint16_t port_ = 0;
    std::list<Guestbook> pending_;
};

} // namespace rove::warden
