// SPDX-License-Identifier: Apache-2.0
// Listening: a conversation's other direction. Every byte here is from another process, which may
// be another user's.
#include <algorithm>
#include <cstring>

#include "base/check.hh"
#include "mailbox/conversation.hh"

namespace rove::mailbox {

void Conversation::read(size_t length) {
    freed_ += room_of(length);
    CHECK(freed_ <= taken_room_);
    if (attached_ && (hungry_ || freed_ - said_freed_ >= window_ / acks_in_window))
        say(FrameType::ack);
}

void Conversation::acknowledge() {
    if (attached_ && freed_ - said_freed_ >= window_ / idle_acks_in_window) say(FrameType::ack);
}

Status Conversation::feed(std::string_view bytes, Deliver const& deliver, Lend const& lend) {
    while (!bytes.empty()) {
        if (in_message_) {
            size_t part = std::min<size_t>(bytes.size(), message_length_ - message_done_);
            if (!again_) std::memcpy(message_.at(message_done_), bytes.data(), part);
            bytes.remove_prefix(part);
            filled(part, deliver);
            continue;
        }
        FrameHead head;
        size_t wanted = sizeof head;
        if (partial_.size() >= sizeof head) {
            std::memcpy(&head, partial_.data(), sizeof head);
            wanted += head.length;
        }
        size_t part = std::min(bytes.size(), wanted - partial_.size());
        partial_.append(bytes.substr(0, part));
        bytes.remove_prefix(part);
        if (partial_.size() < wanted) break;
        std::memcpy(&head, partial_.data(), sizeof head);
        if (wanted == sizeof head) {
            TRY(take_head(head, lend));
            if (head.type == FrameType::message) {
                partial_.clear();
                if (head.length == 0) complete(deliver);
                continue;
            }
            if (head.length > 0) continue;
        }
        std::string whole = std::exchange(partial_, {});
        TRY(take_body(head, std::string_view(whole).substr(sizeof head)));
    }
    return {};
}

Status Conversation::take_head(FrameHead const& head, Lend const& lend) {
    TRY(check_head(head));
    if (left_) return deny(EBADMSG, "words after the last one");
    if (!greeted_ && head.type != FrameType::hello) return deny(EBADMSG, "no greeting");
    if (head.type != FrameType::message) return {};
    TRY(take_counts(head));
    if (!rights_.hears) return deny(EPERM, "it may not send here");
    if (head.sequence == 0 || head.sequence > taken_ + 1)
        return deny(EBADMSG, "message {} after {}", head.sequence, taken_);
    again_ = head.sequence <= taken_;
    uint64_t unread = taken_room_ - freed_;
    if (!again_ && unread != 0 && unread + room_of(head.length) > window_)
        return deny(EBADMSG, "more than there is room for");
    auto room = Buffer::create(again_ ? 0 : head.length);
    if (!room) return deny(ENOMEM, "no memory for {} bytes", head.length);
    message_ = std::move(*room);
    if (!again_ && lend) message_.lie_in(lend(head.length));
    message_length_ = head.length;
    message_done_ = 0;
    in_message_ = true;
    return {};
}

Status Conversation::take_counts(FrameHead const& head) {
    if (head.taken < other_took_ || head.taken > last_posted_ || head.freed < other_freed_ ||
        head.freed > posted_room_)
        return deny(EBADMSG, "it has taken what was not sent");
    if (head.taken > other_took_) asked_taken_ = false;
    if (head.freed > other_freed_) asked_room_ = false;
    other_took_ = head.taken;
    other_freed_ = head.freed;
    forget_taken();
    // What is known to be there need not be sent again.
    while (next_done_ == 0 && next_ < kept_.size() && kept_[next_].head.sequence <= other_took_)
        ++next_;
    return {};
}

Status Conversation::take_body(FrameHead const& head, std::string_view body) {
    if (head.type == FrameType::hello) {
        Hello hello;
        std::memcpy(&hello, body.data(), sizeof hello);
        if (hello.magic != Hello{}.magic || hello.version != Hello{}.version || greeted_)
            return deny(EBADMSG, "no greeting");
        if (hello.speaker != ends_.other || hello.listener != ends_.own)
            return deny(ESTALE, "it is another mailbox");
        greeted_ = true;
    }
    TRY(take_counts(head));
    if (head.type == FrameType::ask) {
        hungry_ = hungry_ || head.sequence == 1;
        say(FrameType::ack);
    }
    if (head.type == FrameType::rest && settled() && !finishing_) {
        say(FrameType::resting);
        agreed_ = true;
    }
    if (head.type == FrameType::resting) resting_ = true;
    if (head.type == FrameType::bye) left_ = true;
    return {};
}

std::span<char> Conversation::room() {
    if (!in_message_ || again_) return {};
    return {message_.at(message_done_), message_length_ - message_done_};
}

void Conversation::filled(size_t count, Deliver const& deliver) {
    message_done_ += count;
    if (message_done_ == message_length_) complete(deliver);
}

void Conversation::complete(Deliver const& deliver) {
    in_message_ = false;
    if (again_) return;
    ++taken_;
    taken_room_ += room_of(message_length_);
    hungry_ = false;
    deliver(std::exchange(message_, {}));
}

} // namespace rove::mailbox
