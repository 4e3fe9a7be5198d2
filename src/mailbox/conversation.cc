// SPDX-License-Identifier: Apache-2.0
// Conversation: what is posted and how it goes out. What comes in is in listening.cc.
#include "mailbox/conversation.hh"

#include <algorithm>
#include <cstring>

#include "base/check.hh"

namespace rove::mailbox {

bool Conversation::has_room(size_t length) const {
    uint64_t unread = posted_room_ - other_freed_;
    return unread == 0 || unread + room_of(length) <= window_;
}

void Conversation::post(Buffer message) {
    std::string_view const text = message.text();
    post(text, std::move(message));
}

void Conversation::post(std::string_view message, Buffer room) {
    CHECK(has_room(room.size()) && room.size() >= message.size() && !finishing_);
    posted_room_ += room_of(room.size());
    Kept& kept = kept_.emplace_back();
    kept.head.type = FrameType::message;
    kept.head.length = static_cast<uint32_t>(room.size());
    kept.head.sequence = ++last_posted_;
    kept.front = room.size() - message.size();
    kept.text = message;
    kept.bytes = std::move(room);
    if (!kept.is_own()) ++borrowed_;
    asked_taken_ = asked_room_ = false;
}

void Conversation::keep() {
    for (auto kept = kept_.rbegin(); borrowed_ > 0 && kept != kept_.rend(); ++kept) {
        if (kept->is_own()) continue;
        std::memcpy(kept->bytes.at(kept->front), kept->text.data(), kept->text.size());
        kept->text = kept->bytes.text();
        kept->front = 0;
        --borrowed_;
    }
    borrowed_ = 0; // the others have been taken meanwhile
}

void Conversation::finish() {
    finishing_ = true;
}

void Conversation::ask(Want want) {
    bool& asked = want == Want::room ? asked_room_ : asked_taken_;
    if (!attached_ || asked) return;
    asked = true;
    say(FrameType::ask, want == Want::room ? 1 : 0);
}

void Conversation::attach(Rights rights) {
    detach();
    rights_ = rights;
    attached_ = true;
    say(FrameType::hello);
}

void Conversation::detach() {
    attached_ = greeted_ = resting_ = agreed_ = said_bye_ = hungry_ = false;
    asked_taken_ = asked_room_ = false;
    control_.clear();
    next_ = next_done_ = 0;
    partial_.clear();
    in_message_ = false;
    message_ = {};
    forget_taken();
}

void Conversation::fill(FrameHead& head) {
    head.taken = said_taken_ = taken_;
    head.freed = said_freed_ = freed_;
}

void Conversation::say(FrameType type, uint64_t sequence) {
    FrameHead head;
    head.type = type;
    head.sequence = sequence;
    Hello hello;
    if (type == FrameType::hello) {
        head.length = sizeof hello;
        hello.speaker = ends_.own;
        hello.listener = ends_.other;
    }
    fill(head);
    control_.append(reinterpret_cast<char const*>(&head), sizeof head);
    if (type == FrameType::hello)
        control_.append(reinterpret_cast<char const*>(&hello), sizeof hello);
}

bool Conversation::wants_to_write() const {
    if (!attached_) return false;
    return !control_.empty() || (rights_.speaks && next_ < kept_.size()) ||
           (finishing_ && !said_bye_);
}

size_t Conversation::gather(std::span<Piece> pieces) {
    if (!attached_) return 0;
    bool all_written = next_ == kept_.size() || !rights_.speaks;
    if (finishing_ && !said_bye_ && all_written) {
        said_bye_ = true;
        say(FrameType::bye);
    }
    size_t used = 0;
    auto add = [&](char const* bytes, size_t length) {
        if (length > 0) pieces[used++] = {bytes, length};
    };
    // A message of which a part is written comes before all else, then what is short.
    size_t at = next_, done = next_done_;
    auto add_message = [&] {
        Kept& kept = kept_[at++];
        if (done == 0) fill(kept.head);
        auto add_rest = [&](char const* bytes, size_t length) {
            size_t const written = std::min(done, length);
            done -= written;
            add(bytes + written, length - written);
        };
        add_rest(reinterpret_cast<char const*>(&kept.head), sizeof kept.head);
        add_rest(kept.bytes.text().data(), kept.front);
        add_rest(kept.text.data(), kept.text.size());
    };
    constexpr size_t per_message = 3;
    if (done > 0 && used + per_message <= pieces.size()) add_message();
    if (used < pieces.size()) add(control_.data(), control_.size());
    while (rights_.speaks && at < kept_.size() && used + per_message <= pieces.size())
        add_message();
    return used;
}

void Conversation::written(size_t count) {
    while (count > 0) {
        if (next_done_ == 0 && !control_.empty()) {
            size_t part = std::min(count, control_.size());
            control_.erase(0, part);
            count -= part;
            continue;
        }
        CHECK(next_ < kept_.size());
        size_t part = std::min(count, kept_[next_].size() - next_done_);
        next_done_ += part;
        count -= part;
        if (next_done_ == kept_[next_].size()) {
            ++next_;
            next_done_ = 0;
        }
    }
    forget_taken();
}

// One that is being written stays until it is whole: the line must go on with it.
void Conversation::forget_taken() {
    while (!kept_.empty() && kept_.front().head.sequence <= other_took_ &&
           !(next_ == 0 && next_done_ > 0)) {
        kept_.pop_front();
        if (next_ > 0) --next_;
    }
}

bool Conversation::idle() const {
    return attached_ && greeted_ && kept_.empty() && control_.empty() && partial_.empty() &&
           !in_message_ && !finishing_;
}

void Conversation::offer_rest() {
    if (idle()) say(FrameType::rest);
}

} // namespace rove::mailbox
