// SPDX-License-Identifier: Apache-2.0
// Box: a mailbox with its lines and its connection to home: what include/rove.h is made of.
//
// Threads: one lock for all. Of those that wait, one looks for what comes, without the lock, and
// wakes the others when something has changed.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "mailbox/mailbox.hh"
#include "post/counts.hh"
#include "post/home_link.hh"
#include "post/lines.hh"
#include "post/spin.hh"
#include "wire/mail_move.hh"

namespace rove::post {

using mailbox::Address;

class Box {
public:
    // yes: time 0 is asked for again and again, and each time must cost little.
    enum class Polled : uint8_t { no, yes };
    static Result<std::unique_ptr<Box>> open(Mailbox::Notices notices, Polled polled = Polled::no);
    ~Box();

    Address const& own() const { return mailbox_.own(); }
    Status send(Address const& to, std::span<std::string_view const> parts, Deadline deadline);
    Status flush(Address const& to, Deadline deadline);
    Result<Address> find(std::string home, int32_t process, Deadline deadline);
    // This process to that node, home if it is empty; or to where the peer is; or the peer to here.
    Status move_to_node(std::string node, Deadline deadline);
    Status move_to(Address const& peer, Deadline deadline);
    Status invite(Address const& peer, Deadline deadline);
    // None: it would be too long. `letter` is filled in any case but EAGAIN and EINTR.
    struct Seen {
        mailbox::Letter::Kind kind = mailbox::Letter::Kind::message;
        Address sender;
        uint64_t length = 0, undelivered = 0;
    };
    enum class Take : uint8_t { yes, look };
    struct Wanted {
        std::optional<Address> sender;
        mailbox::Filter filter;
    };
    Result<Seen> receive(
        Wanted wanted, std::span<char> room, Take take, Deadline deadline, Seen& seen);
    int descriptor(); // -1: there is none
    Status notify(int signal);
    // Sends what is left, and says bye.
    void finish();

    // --- around fork: nothing is half done, and the child has nothing of it
    void before_fork() { lock_.lock(); }
    void after_fork_in_parent() { lock_.unlock(); }
    void after_fork_in_child();

private:
    // Counts who is in here, with the lock or without it.
    class Lock : public std::unique_lock<std::mutex> {
    public:
        explicit Lock(Box& box) : unique_lock(box.lock_, std::defer_lock), box_(box) {
            ++box_.callers_;
            lock();
        }
        ~Lock() { --box_.callers_; }
        Lock(Lock const&) = delete;
        Lock& operator=(Lock const&) = delete;

    private:
        Box& box_;
    };
    explicit Box(HomeLink home, Address own, Mailbox::Notices notices, Polled polled);
    Status usable() const;
    // A message that has the whole window to itself is mostly taken at once: until this peer has
    // taken or can take it, it need not be copied. Waits no longer than two copies would take.
    template <class So> Status await(Lock& lock, size_t length, Deadline deadline, So is_so);
    // Until something has happened, here or in another thread.
    Status wait(Lock& lock, Deadline deadline);
    // Looks for a moment, with the lock, which nobody else wants. True: something has come.
    bool spin();
    // What time 0 does: one look. True: something has come.
    Result<bool> look();
    // The same of who polls: at the line on which something came last, and now and then at all.
    Result<bool> look_cheaply();
    bool glance_for_long();
    // One look at everything, home included if it is time for that. True: something has come.
    Result<bool> look_round(bool home_later);
    // What is to be said to home after each step; and descriptor() shows what is waiting.
    void afterwards();
    void hear_home();
    void take(HomeLink::Received received);
    void lose_home();
    void find_home();
    template <class T> void tell_home(wire::MailType type, T const& body);
    // Home's answer to a question, which is asked once more if home was restarted. ETIMEDOUT.
    struct Answer {
        int32_t code = 0; // 0, or an errno value; EAGAIN: it is lost, and asked again
        wire::MailAddress address;
    };
    template <class T>
    Result<wire::MailAddress> ask_home(wire::MailType type, T question, Deadline deadline);
    Status ask_for_move(wire::MailMove wish, Deadline deadline);
    void answered(uint32_t question, Answer answer);

    std::mutex lock_;
    std::atomic<int> callers_ = 0;
    Spin spin_;
    Polled polled_;
    Nanos looked_round_{0}, look_round_took_{0};
    std::condition_variable changed_;
    bool somebody_looks_ = false;
    Mailbox mailbox_;
    Lines lines_;
    std::optional<HomeLink> home_;
    Nanos try_home_at_{0};
    Counts counts_;
    bool disowned_ = false;  // in a child of the process that it belongs to
    bool forgotten_ = false; // home knows nothing of it any more
    uint32_t last_question_ = 0;
    std::map<uint32_t, std::optional<Answer>> asked_; // by question; empty: not answered yet
};

} // namespace rove::post
