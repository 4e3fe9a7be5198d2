// SPDX-License-Identifier: Apache-2.0
// Conversation: what one mailbox has to do with one other: in order, exactly once, never lost.
//
// Messages are numbered in each direction. A message is kept until the other mailbox has said that
// it took it, so a line may break at any byte: on the next one all that is not known to have
// arrived is sent again, and what comes twice is known by its number. All of this is in the memory
// of the two processes, which travels with them; no party in between keeps anything.
//
// Pure: lines are numbers, bytes are fed in and gathered out.
#pragma once

#include <deque>
#include <functional>
#include <span>
#include <string>

#include "base/result.hh"
#include "mailbox/buffer.hh"
#include "mailbox/frames.hh"

namespace rove::mailbox {

/// What each of the two may send to the other: as with signals, one may be allowed what the other
/// is not.
struct Rights {
    bool speaks = true; // we to them
    bool hears = true;  // they to us
};

struct Piece {
    char const* bytes = nullptr;
    size_t length = 0;
};

/// Room that was given back is told after this part of the window: so soon that a sender who hears
/// of it uses the same memory again while it is in its cache.
inline constexpr uint64_t acks_in_window = 16;
/// The same for who has nothing else to do, where to tell it costs less than a copy.
inline constexpr uint64_t idle_acks_in_window = 64;

class Conversation {
public:
    struct Ends {
        uint64_t own = 0, other = 0; // incarnations
    };
    using Deliver = std::function<void(Buffer)>;
    /// Where a message of that length may lie while it comes; null: it has its own memory.
    using Lend = std::function<char*(size_t length)>;

    // `window`: how many bytes of messages, room_of() each, the other program may leave unread.
    // Both sides must have the same; a message larger than it goes alone.
    Conversation(Ends ends, uint64_t window) : ends_(ends), window_(window) {}

    // --- what the program sends
    bool has_room(size_t length) const;
    // Requires has_room(message.size()).
    void post(Buffer message);
    // The same, of bytes that stay where they are until keep() has copied them, if that is still
    // needed, to `room`. That is as long as the whole message, and its first bytes, those that come
    // before `message`, are there already.
    void post(std::string_view message, Buffer room);
    void keep();
    // The last one is where it was, and may be needed again.
    bool borrows() const { return !kept_.empty() && !kept_.back().is_own(); }
    // No second one of this length has room beside it.
    bool goes_alone(size_t length) const { return 2 * room_of(length) > window_; }
    // Nothing more will be posted: bye goes behind the last message.
    void finish();
    // Asks the other side for its state, so that has_room or settled() become true as soon as they
    // can.
    enum class Want : uint8_t { taken, room };
    void ask(Want want);
    // Messages that the other side is not known to have taken.
    uint64_t unsettled() const { return kept_.size(); }
    bool settled() const { return kept_.empty(); }
    // In both directions, so far.
    uint64_t messages() const { return last_posted_ + taken_; }

    // --- what the program receives
    // It has read a message of this length: its room is free again.
    void read(size_t length);
    // Before its owner sleeps: tells what it has not told yet. What is known to be taken need not
    // be copied by its sender.
    void acknowledge();

    // --- the line
    void attach(Rights rights);
    void detach();
    bool attached() const { return attached_; }
    // What is to be written next, as pieces that stay valid until the next call of another
    // function; how many were filled.
    size_t gather(std::span<Piece> pieces);
    void written(size_t count);
    bool wants_to_write() const;
    // There is something that needs a line. To say bye is not: home knows who is gone.
    bool wants_line() const { return !kept_.empty(); }
    // Bytes that have come. An error: the other end does not keep to the protocol, detach for good.
    Status feed(std::string_view bytes, Deliver const& deliver, Lend const& lend = {});
    // For long messages: where the next bytes belong. They are then fed by filled(), without a
    // copy. Empty: not within a message.
    std::span<char> room();
    void filled(size_t count, Deliver const& deliver);
    // What was lent is its owner's again: what has come of a message goes to its own memory.
    void fetch_home() { message_.fetch_home(message_done_); }

    // --- closing a line that is not used
    // May be asked for if settled and nothing has come in part.
    bool idle() const;
    void offer_rest();
    // One of the two has answered yes: that the line ends says nothing.
    bool resting() const { return resting_ || agreed_; }
    // It has said bye: there is nobody any more, after what was delivered.
    bool left() const { return left_; }
    // The last word has been read or written: close the line.
    bool over() const { return left_ || resting_ || (agreed_ && control_.empty()); }

private:
    struct Kept {
        FrameHead head;
        Buffer bytes;
        size_t front = 0;      // of `bytes`, in front of `text`
        std::string_view text; // in `bytes`, or the program's
        bool is_own() const { return text.data() == bytes.text().data(); }
        size_t size() const { return sizeof head + front + text.size(); }
    };
    void say(FrameType type, uint64_t sequence = 0);
    void fill(FrameHead& head);
    void forget_taken();
    Status take_head(FrameHead const& head, Lend const& lend);
    Status take_counts(FrameHead const& head);
    Status take_body(FrameHead const& head, std::string_view body);
    void complete(Deliver const& deliver);

    Ends ends_;
    uint64_t window_;
    Rights rights_;

    // Sending.
    uint64_t last_posted_ = 0, posted_room_ = 0; // number of the last message; room of all of them
    uint64_t other_took_ = 0, other_freed_ = 0;
    size_t borrowed_ = 0;                           // of kept_ at most
    std::deque<Kept> kept_;                         // all that the other is not known to have taken
    size_t next_ = 0, next_done_ = 0;               // of kept_ on this line; bytes of it written
    bool finishing_ = false, said_bye_ = false;     // on this line
    bool asked_taken_ = false, asked_room_ = false; // since the last progress there
    std::string control_;                           // small frames, between two messages

    // Receiving.
    uint64_t taken_ = 0, taken_room_ = 0, freed_ = 0;
    uint64_t said_taken_ = 0, said_freed_ = 0;
    bool hungry_ = false; // the other side waits for room
    bool greeted_ = false, left_ = false;
    bool resting_ = false, agreed_ = false; // the other side's answer, and ours
    std::string partial_;                   // of a head or a small body
    bool in_message_ = false, again_ = false;
    uint32_t message_length_ = 0;
    Buffer message_;
    size_t message_done_ = 0;
    bool attached_ = false;
};

} // namespace rove::mailbox
