// SPDX-License-Identifier: Apache-2.0
// Lines: the sockets of one mailbox, one for each peer that it talks with now, and how bytes get
// from them into the mailbox and back.
//
// No call here blocks but wait(). A line is lost when reading says so: what a process has written
// before its end is still there to be read, when writing fails already.
#pragma once

#include <vector>

#include "base/clock.hh"
#include "base/fd.hh"
#include "base/result.hh"
#include "mailbox/mailbox.hh"

namespace rove::post {

using mailbox::Mailbox;
using mailbox::Peer;

class Lines {
public:
    explicit Lines(Mailbox& mailbox) : mailbox_(mailbox), block_(block_size) {}
    Status begin();

    // Becomes readable when something has come on a line, or from home, or if a letter waits: that
    // must be said by show_waiting().
    int descriptor();
    void show_waiting(bool yes);
    void watch_home(int fd);

    // A new line; false: the mailbox does not want it.
    bool give(Peer peer, uint64_t number, mailbox::Rights rights, Fd socket);
    // Writes what there is to write, as far as it goes.
    void push(Peer peer);
    void push_all();

    // What the kernel has ready after a wait: serve() reads and writes it, and says whether home
    // has something to say. wait() touches nothing else, and needs no lock; it may fail with EINTR.
    struct Ready {
        int count = 0;
        uint64_t of[16] = {};
        uint32_t events[16] = {};
    };
    Result<Ready> wait(Nanos timeout);
    bool serve(Ready const& ready);

    // Numbers of lines that have been closed here since the last call.
    std::vector<uint64_t> take_ended() { return std::exchange(ended_, {}); }
    void notify(int signal);
    // In a child, which has copies of all of them.
    void abandon();

private:
    struct Line {
        Fd socket;
        uint64_t number = 0;
        bool full = false;   // EPOLLOUT will tell when there is room
        bool broken = false; // nothing can be written any more
    };
    void watch(int fd, uint64_t what, uint32_t events, bool is_new);
    void read(Peer peer);
    void close(Peer peer);
    void signal_on(int fd) const;

    static constexpr size_t block_size = 256 << 10;
    // More are closed when they are not used; the mailbox knows how to get them back.
    static constexpr size_t open_max = 200;

    Mailbox& mailbox_;
    Fd ready_;            // lines and home
    Fd shown_to_program_; // the same and waiting_
    Fd waiting_;
    bool shown_ = false;
    int signal_ = 0, home_ = -1;
    std::vector<Line> lines_; // by peer
    size_t open_ = 0;
    std::vector<uint64_t> ended_;
    std::vector<char> block_;
};

} // namespace rove::post
