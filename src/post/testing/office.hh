// SPDX-License-Identifier: Apache-2.0
// Office: what a home does for mailboxes, in a thread of a test: addresses, and lines by socket
// pairs. It can be ended and begun anew, with or without its memory.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.hh"
#include "post/home_link.hh"

namespace rove::post::testing {

class Office {
public:
    // On this socket; programs find it by ROVE_MAIL_SOCKET.
    explicit Office(std::string path);
    ~Office();
    void stop();
    void start();
    void forget() { known_.clear(); }
    // From now on: may these be sent to?
    std::atomic<bool> allows{true};
    // Each that has opened a mailbox from now on is asked to count, so often.
    std::atomic<uint32_t> count_every_ms{0};
    // What that one has said last of the other, by incarnations; 0: nothing.
    uint64_t counted(uint64_t by, uint64_t about);
    // Whether a line that is used is to be followed by a better one; how many have been offered.
    std::atomic<bool> goes_direct{false};
    std::atomic<int> offers{0};
    // What those hear who want to be moved, twice; -1: nothing yet. How many there were.
    std::atomic<int> move_code{0}, move_wishes{0};

private:
    struct Client {
        Fd socket;
        uint64_t incarnation = 0;
    };
    void run();
    // False: the connection is closed.
    bool serve(Client& client);
    void call(Client& client, wire::MailCall const& what);
    void go_direct(Client& client, uint64_t number);

    std::string path_;
    Fd listener_;
    std::map<uint64_t, wire::MailAddress> known_;            // by incarnation
    std::map<uint64_t, std::pair<uint64_t, uint64_t>> made_; // lines, by number: between whom
    std::vector<Client> clients_;
    uint64_t last_ = 100, last_line_ = 0;
    std::mutex counting_;
    std::map<std::pair<uint64_t, uint64_t>, uint64_t> counted_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

} // namespace rove::post::testing
