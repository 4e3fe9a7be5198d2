// SPDX-License-Identifier: Apache-2.0
// Mailbox: the conversations of one mailbox, and the letters that came of them.
//
// A peer is first called: whoever owns this mailbox asks home for a line to it. A line has a
// number; when both sides have called at once, or an old line is not known to be dead yet, both
// take the one with the higher number. A line that ends without a word is called for again, and
// then home says whether there is anybody: that is how a sender learns of an exit.
//
// Pure: the owner moves bytes between lines and conversations, and the calls to home.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "mailbox/address.hh"
#include "mailbox/conversation.hh"
#include "mailbox/letters.hh"

namespace rove::mailbox {

inline constexpr uint64_t default_window = 4 << 20;

/// None if there is no memory for it.
std::optional<Buffer> joined(std::span<std::string_view const> parts);

class Mailbox {
public:
    enum class Notices : uint8_t { no, yes }; // letters that say who is gone
    explicit Mailbox(Address own, Notices notices = Notices::yes, uint64_t window = default_window)
        : own_(std::move(own)), notices_(notices), window_(window) {}

    Address const& own() const { return own_; }
    // The same address is the same peer.
    Peer meet(Address const& address);
    std::optional<Peer> find(Address const& address) const;
    Address const& address(Peer peer) const { return peers_[peer]->address; }
    Peer count() const { return static_cast<Peer>(peers_.size()); }

    // --- sending
    enum class Sent : uint8_t { yes, no_line, no_room, gone, forbidden, too_long, no_memory };
    // To itself a mailbox sends without a line or a limit.
    // no_line: the first word to a peer waits for its line, so that a wrong address is known at
    // once. no_line and no_room come to an end: look again after the next event.
    // `bytes`: the parts as one, if that has been done already. The parts must stay until keep():
    // a message that is written at once is copied while the other side reads it.
    Sent send(Peer peer, std::span<std::string_view const> parts, std::optional<Buffer>& bytes);
    Sent send(Peer peer, std::span<std::string_view const> parts) {
        std::optional<Buffer> none;
        auto sent = send(peer, parts, none);
        keep(peer);
        return sent;
    }
    void keep(Peer peer) { peers_[peer]->talk.keep(); }
    bool has_room(Peer peer, size_t length) const { return peers_[peer]->talk.has_room(length); }
    bool borrows(Peer peer) const { return peers_[peer]->talk.borrows(); }
    bool goes_alone(Peer peer, size_t length) const {
        return peers_[peer]->talk.goes_alone(length);
    }
    // Whether all that was sent has been taken; asks for it otherwise.
    enum class Settled : uint8_t { yes, not_yet, gone };
    Settled settled(Peer peer);
    // Nothing more will be sent to anybody: from now on everybody is gone for send().
    void finish();
    bool finished() const;
    bool finishing() const { return finishing_; }
    // All that was sent to it is on a line, or has nowhere to go.
    bool written_out(Peer peer) const;

    // --- receiving
    Letter const* look(Filter const& filter) const { return letters_.find(filter); }
    Letter take(Letter const* found);
    // Until fetch_home() the next long message that fits may lie in that room from its first byte
    // on, if nobody else's room is lent: then false.
    bool lend(Filter const& filter, std::span<char> room);
    void fetch_home();
    // The room is full with what it was lent for: what comes behind it can wait until it is read,
    // and then come straight as well.
    bool has_filled_room() const { return lent_ && lent_->whole; }
    bool fills_room() const { return lent_ && lent_->used && !lent_->whole; }
    size_t waiting() const { return letters_.count(); }
    // To and from this peer, so far.
    uint64_t messages(Peer peer) const { return peers_[peer]->talk.messages(); }

    // --- calls: whom home is to be asked for a line to
    struct Call {
        Peer peer = 0;
        uint64_t above = 0; // the line's number must be higher
    };
    std::vector<Call> take_calls();
    // Whether there are some that are not answered.
    bool waits_for_home() const;
    // Home has forgotten what it was asked: its daemon was restarted.
    void calls_lost();
    // Why there will be no line.
    enum class Refusal : uint8_t { gone, forbidden };
    void refused(Peer peer, Refusal why);

    // --- lines
    // False: it is not wanted, close it. True: it takes the place of the one before, if any.
    bool line(Peer peer, uint64_t number, Rights rights);
    void lost(Peer peer);
    bool has_line(Peer peer) const { return peers_[peer]->talk.attached(); }
    uint64_t lines() const;
    void acknowledge(Peer peer) { peers_[peer]->talk.acknowledge(); }
    size_t gather(Peer peer, std::span<Piece> pieces) { return peers_[peer]->talk.gather(pieces); }
    void written(Peer peer, size_t count) { peers_[peer]->talk.written(count); }
    bool wants_to_write(Peer peer) const { return peers_[peer]->talk.wants_to_write(); }
    std::span<char> room(Peer peer) { return peers_[peer]->talk.room(); }
    void filled(Peer peer, size_t count);
    void feed(Peer peer, std::string_view bytes);
    // After each feed, filled and written: the line is to be closed; then say lost().
    bool over(Peer peer) const;
    // Asks the line that has been of no use for longest to rest, if there is one.
    void tire();

private:
    enum class State : uint8_t { quiet, calling, gone };
    struct Known {
        Known(Address an_address, Conversation::Ends ends, uint64_t window)
            : address(std::move(an_address)), talk(ends, window) {}
        Address address;
        Conversation talk;
        State state = State::quiet;
        Rights rights;
        uint64_t line = 0;      // the highest number so far
        uint64_t used = 0;      // when, in events
        bool wanted = false;    // somebody waits for the line
        bool forbidden = false; // home's last word
        bool ended = false;     // a line has broken, so home is asked what has become of the peer
    };
    struct Lent {
        Filter filter;
        std::span<char> room;
        bool used = false, whole = false;
    };
    char* lent_for(Peer peer, size_t length);
    Conversation::Deliver deliver_from(Peer peer);
    void mark_gone(Peer peer);

    Address own_;
    Notices notices_;
    uint64_t window_;
    std::vector<std::unique_ptr<Known>> peers_;
    std::map<Address, Peer> by_address_;
    Letters letters_;
    std::optional<Lent> lent_;
    uint64_t events_ = 0;
    bool finishing_ = false;
};

} // namespace rove::mailbox
