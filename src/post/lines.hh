// SPDX-License-Identifier: Apache-2.0
// Lines: what carries the bytes of one mailbox, one line for each peer that it talks with now, and
// how they get from there into the mailbox and back.
//
// No call here blocks but wait(). A line is lost when reading says so: what a process has written
// before its end is still there to be read, when writing fails already.
//
// A line may go over to a better carrier at a byte, and the mailbox does not notice (offers.cc).
// Nor does it when the process moves away from a carrier: home makes a way to where that one lies
// (strays.cc). So nothing that was written waits for its writer, who may not call us again for
// hours.
#pragma once

#include <vector>

#include "base/clock.hh"
#include "base/fd.hh"
#include "base/result.hh"
#include "mailbox/mailbox.hh"
#include "post/carrier.hh"

namespace rove::post {

using mailbox::Mailbox;
using mailbox::Peer;

class Lines {
public:
    explicit Lines(Mailbox& mailbox) : mailbox_(mailbox), block_(block_size) {}
    Status begin();

    // Becomes readable when something has come on a line, or from home, or if a letter waits: that
    // must be said by show_waiting(). It is home's: from now on all lines are.
    int descriptor();
    void show_waiting(bool yes);
    void watch_home(int fd);

    // A new line; false: the mailbox does not want it.
    bool give(Peer peer, uint64_t number, mailbox::Rights rights, Fd socket);
    // A better carrier for one that is there.
    void offer(Peer peer, uint64_t number, Carrier carrier);
    // Home's answer about a stray; without a descriptor: it is lost.
    void followed(uint64_t ticket, Fd socket);
    // Home has forgotten what it was asked.
    void seek_again();
    // Writes what there is to write, as far as it goes.
    void push(Peer peer);
    void push_all();
    // Reads what the other side has said meanwhile, if much was written: it sets memory free.
    void hear(Peer peer);
    // It goes by memory that both sides have, and is at the other side at once.
    bool is_near(Peer peer) const {
        return peer < lines_.size() && lines_[peer].carrier.is_memory();
    }
    // Who has nothing to do now says what he has read, where that costs next to nothing.
    void acknowledge();

    // What is ready after a wait: serve() reads and writes it, and says whether home has something
    // to say. wait() touches nothing else, and needs no lock; it may fail with EINTR.
    struct Ready {
        uint64_t of = 0;
        uint32_t events = 0; // as of epoll
    };
    struct Watched { // of the lines here, by the lock's holder
        std::vector<wire::MailWait> ends;
        std::vector<uint64_t> of;
        bool home_soon = false;   // home is asked something
        bool home_later = false;  // time 0 is no reason to look home
        bool home_rarely = false; // all lines go from host to host
    };
    Watched watched() const;
    Result<std::vector<Ready>> wait(Watched watched, Nanos timeout);
    bool serve(std::vector<Ready> const& ready);
    // Reads the line on which something came last: one call of the kernel. False: nothing was
    // there.
    bool glance();
    // Whether that may be worth while.
    bool has_favourite() const;

    // --- for home, since the last call
    // Carriers that have been closed here.
    struct Ended {
        uint64_t number = 0, ticket = 0;
    };
    std::vector<Ended> take_ended() { return std::exchange(ended_, {}); }
    // Those that have become worth a better carrier, if there is one.
    struct Used {
        uint64_t number = 0;
        Peer peer = 0;
    };
    std::vector<Used> take_used() { return std::exchange(used_, {}); }
    // Tickets of carriers that have stayed behind.
    std::vector<uint64_t> take_strays() { return std::exchange(strays_, {}); }
    bool keeps_to_home() const { return keeps_to_home_; }
    void notify(int signal);
    // In a child, which has copies of all of them.
    void abandon();

private:
    struct Line {
        Carrier carrier; // what is read, and mostly written
        uint64_t number = 0;
        Carrier next; // what was offered: our word is said on it
        uint64_t next_number = 0;
        bool heard = false;     // the other's word on it
        bool over = false;      // it is written now
        bool read_out = false;  // the carrier has come to its end
        uint32_t uses = 0;      // writes and reads, of this carrier
        bool full = false;      // will be told when there is room
        bool broken = false;    // nothing can be written any more
        bool long_ones = false; // come on it
        uint64_t unheard = 0;   // bytes written since it was read
        Carrier& written() { return over ? next : carrier; }
    };
    void watch(int fd, uint64_t what, uint32_t events, bool is_new);
    void unwatch(Carrier const& carrier);
    void watch_next(Peer peer, uint32_t events, bool is_new);
    void look_at_next(Peer peer);
    // The one before has been read to its end.
    void go_over(Peer peer);
    void drop_next(Peer peer);
    void serve_next(Peer peer, uint32_t events);
    void await_room(Peer peer);
    void count_use(Peer peer);
    bool read(Peer peer); // whether something was there
    void close(Peer peer);
    void lose(Peer peer);
    // To be called whenever a carrier has refused something.
    void seek(Carrier& carrier);
    void keep_to_home();
    void signal_on(int fd) const;
    Result<std::vector<Ready>> wait_at_home(Nanos timeout);

    static constexpr size_t block_size = 256 << 10;
    static constexpr size_t long_message = 8 << 10;
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
    Peer favourite_ = 0; // on whose line something came last
    bool keeps_to_home_ = false;
    std::vector<Ended> ended_;
    std::vector<uint64_t> strays_;
    std::vector<uint64_t> sought_; // strays that home has not answered yet
    std::vector<Used> used_;
    std::vector<char> block_;
    // Who waits at the host looks home from time to time, ever less often if nothing comes.
    Nanos home_patience_{0}, looked_home_{0};
};

} // namespace rove::post
