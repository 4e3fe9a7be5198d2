// SPDX-License-Identifier: Apache-2.0
// World: mailboxes, lines that break at any byte, and a home whose answers come late, in any order
// or not at all. For tests: whoever drives it decides what happens next.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "mailbox/mailbox.hh"

namespace rove::mailbox::testing {

class World {
public:
    World(size_t mailboxes, uint64_t window, uint32_t seed);

    // --- what programs do
    void send(size_t from, size_t to, size_t length);
    // Reads the oldest letter, or the oldest of one sender.
    void receive(size_t at, std::optional<size_t> of);
    void close(size_t at); // ends when all is written

    // --- what happens to them
    void write(size_t line); // some bytes go on their way
    void read(size_t line);  // some arrive
    void cut(size_t line);   // what is on its way is lost; each end notices in its time
    void notice(size_t line, size_t end); // that it is cut
    void answer(size_t which);            // one of home's answers reaches one of the two
    void lose_answer(size_t which);       // it does not, nor does any other to that question
    void restart_home();                  // what it was asked is forgotten
    void kill(size_t at);

    // All lines and answers until nothing moves any more; everybody reads all the time.
    void settle();
    // An error: something was lost, doubled, reordered or changed.
    std::string wrong() const { return wrong_; }
    // After settle(): messages between those that live or have closed, which were not read.
    size_t missing() const;
    size_t notices(size_t at) const { return members_[at].notices; }
    size_t received() const { return received_; }
    size_t lines() const { return lines_.size(); }
    size_t answers() const { return answers_.size(); }
    Mailbox& mailbox(size_t at) { return *members_[at].mailbox; }

private:
    enum class Life : uint8_t { living, closing, closed, killed };
    struct Member {
        std::unique_ptr<Mailbox> mailbox;
        Life life = Life::living;
        std::vector<uint32_t> sent, read; // by partner
        size_t notices = 0;
    };
    struct End {
        size_t member = 0;
        Peer peer = 0;
        bool holds = false;  // attached here
        bool closed = false; // or never to be opened
        std::string coming;  // bytes on their way to this end
    };
    struct Line {
        uint64_t number = 0;
        std::array<End, 2> ends;
        bool cut = false;
    };
    struct Answer {
        std::shared_ptr<Line> line;
        int end = 0;
    };

    size_t random(size_t below) { return below == 0 ? 0 : chance_() % below; }
    bool gone(size_t member) const { return members_[member].life >= Life::closed; }
    void take_calls();
    bool on_its_way(size_t caller, size_t other, uint64_t above) const;
    void close_end(Line& line, int end);
    void lost(Line& line, int end);
    void check(size_t at, Letter letter);
    void finish_closing();

    std::mt19937 chance_;
    uint64_t window_;
    std::vector<Member> members_;
    std::vector<std::shared_ptr<Line>> lines_;
    std::vector<Answer> answers_;
    uint64_t last_line_ = 0;
    size_t received_ = 0;
    std::string wrong_;
};

} // namespace rove::mailbox::testing
