// SPDX-License-Identifier: Apache-2.0
// Mailbox: see mailbox.hh.
#include "mailbox/mailbox.hh"

#include <algorithm>

namespace rove::mailbox {

Peer Mailbox::meet(Address const& address) {
    auto [found, is_new] = by_address_.try_emplace(address, count());
    if (is_new)
        peers_.push_back(std::make_unique<Known>(
            address, Conversation::Ends{own_.incarnation, address.incarnation}, window_));
    return found->second;
}

std::optional<Peer> Mailbox::find(Address const& address) const {
    auto found = by_address_.find(address);
    if (found == by_address_.end()) return std::nullopt;
    return found->second;
}

namespace {

size_t length_of(std::span<std::string_view const> parts) {
    size_t length = 0;
    for (auto part : parts)
        length += part.size();
    return length;
}

void join(std::span<std::string_view const> parts, Buffer& bytes) {
    size_t at = 0;
    for (auto part : parts) {
        if (!part.empty()) std::memcpy(bytes.at(at), part.data(), part.size());
        at += part.size();
    }
}

} // namespace

std::optional<Buffer> joined(std::span<std::string_view const> parts) {
    auto bytes = Buffer::create(length_of(parts));
    if (bytes) join(parts, *bytes);
    return bytes;
}

Mailbox::Sent Mailbox::send(
    Peer peer, std::span<std::string_view const> parts, std::optional<Buffer>& bytes) {
    Known& known = *peers_[peer];
    if (known.state == State::gone || finishing_) return Sent::gone;
    if (std::exchange(known.forbidden, false)) return Sent::forbidden;
    bool to_itself = known.address == own_;
    if (known.line == 0 && !to_itself) {
        known.wanted = true;
        return Sent::no_line;
    }
    if (!known.rights.speaks) return Sent::forbidden;
    size_t length = length_of(parts);
    if (length > message_length_max) return Sent::too_long;
    if (!to_itself && !known.talk.has_room(length)) {
        known.talk.ask(Conversation::Want::room);
        return Sent::no_room;
    }
    constexpr size_t worth_borrowing = 4 << 10;
    std::string_view const last = parts.empty() ? std::string_view() : parts.back();
    size_t const front = length - last.size();
    bool borrows =
        !bytes && !to_itself && last.size() >= worth_borrowing && front <= last.size() / 4;
    if (!bytes) bytes = borrows ? Buffer::create(length) : joined(parts);
    if (!bytes) return Sent::no_memory;
    if (borrows && front > 0) join(parts.first(parts.size() - 1), *bytes);
    if (to_itself)
        letters_.add({Letter::Kind::message, peer, std::move(*bytes), 0});
    else if (borrows)
        known.talk.post(last, std::move(*bytes));
    else
        known.talk.post(std::move(*bytes));
    known.used = ++events_;
    return Sent::yes;
}

Mailbox::Settled Mailbox::settled(Peer peer) {
    Known& known = *peers_[peer];
    if (known.talk.settled()) return Settled::yes;
    if (known.state == State::gone) return Settled::gone;
    known.talk.ask(Conversation::Want::taken);
    return Settled::not_yet;
}

void Mailbox::finish() {
    finishing_ = true;
    for (auto& known : peers_)
        if (known->state != State::gone) known->talk.finish();
}

// Those without a line have nothing to say bye on, unless something is on its way to them.
bool Mailbox::finished() const {
    for (Peer peer = 0; peer < count(); ++peer)
        if (!written_out(peer)) return false;
    return true;
}

bool Mailbox::written_out(Peer peer) const {
    Known const& known = *peers_[peer];
    if (known.state == State::gone) return true;
    return known.talk.attached() ? !known.talk.wants_to_write() : known.talk.settled();
}

Letter Mailbox::take(Letter const* found) {
    Letter letter = letters_.take(found);
    Known& sender = *peers_[letter.sender];
    if (letter.kind == Letter::Kind::message && sender.address != own_)
        sender.talk.read(letter.bytes.size());
    return letter;
}

std::vector<Mailbox::Call> Mailbox::take_calls() {
    std::vector<Call> calls;
    for (Peer peer = 0; peer < count(); ++peer) {
        Known& known = *peers_[peer];
        if (known.state != State::quiet || known.talk.attached()) continue;
        if (!known.wanted && !known.ended && !(known.line != 0 && known.talk.wants_line()))
            continue;
        known.state = State::calling;
        calls.push_back({peer, known.line});
    }
    return calls;
}

bool Mailbox::waits_for_home() const {
    return std::any_of(peers_.begin(), peers_.end(),
        [](auto const& known) { return known->state == State::calling; });
}

void Mailbox::calls_lost() {
    for (auto& known : peers_)
        if (known->state == State::calling) known->state = State::quiet;
}

void Mailbox::refused(Peer peer, Refusal why) {
    Known& known = *peers_[peer];
    if (known.state != State::calling || known.talk.attached()) return;
    known.state = State::quiet;
    known.wanted = known.ended = false;
    if (why == Refusal::forbidden && known.line == 0)
        known.forbidden = true;
    else
        mark_gone(peer);
}

void Mailbox::mark_gone(Peer peer) {
    Known& known = *peers_[peer];
    if (known.state == State::gone) return;
    known.state = State::gone;
    known.talk.detach();
    if (notices_ == Notices::no) return;
    Letter notice;
    notice.kind = Letter::Kind::gone;
    notice.sender = peer;
    notice.undelivered = known.talk.unsettled();
    letters_.add(std::move(notice));
}

bool Mailbox::line(Peer peer, uint64_t number, Rights rights) {
    Known& known = *peers_[peer];
    if (known.state == State::gone || number <= known.line) return false;
    known.line = number;
    known.rights = rights;
    known.state = State::quiet;
    known.wanted = known.ended = false;
    known.used = ++events_;
    known.talk.attach(rights);
    return true;
}

void Mailbox::lost(Peer peer) {
    Known& known = *peers_[peer];
    bool rested = known.talk.resting(), left = known.talk.left();
    known.talk.detach();
    if (known.state == State::gone) return;
    if (left) return mark_gone(peer);
    known.ended = !rested;
}

uint64_t Mailbox::lines() const {
    return static_cast<uint64_t>(std::count_if(
        peers_.begin(), peers_.end(), [](auto const& known) { return known->talk.attached(); }));
}

Conversation::Deliver Mailbox::deliver_from(Peer peer) {
    return [this, peer](Buffer bytes) {
        Letter letter;
        letter.sender = peer;
        letter.bytes = std::move(bytes);
        if (lent_ && lent_->used && letter.bytes.text().data() == lent_->room.data())
            lent_->whole = true;
        letters_.add(std::move(letter));
        peers_[peer]->used = ++events_;
    };
}

void Mailbox::filled(Peer peer, size_t count) {
    peers_[peer]->talk.filled(count, deliver_from(peer));
}

void Mailbox::feed(Peer peer, std::string_view bytes) {
    // Whoever does not keep to the protocol is nobody: it would only begin again.
    auto lend = [this, peer](size_t length) { return lent_for(peer, length); };
    if (!peers_[peer]->talk.feed(bytes, deliver_from(peer), lend)) mark_gone(peer);
}

bool Mailbox::lend(Filter const& filter, std::span<char> room) {
    if (lent_) return false;
    lent_ = Lent{filter, room};
    return true;
}

char* Mailbox::lent_for(Peer peer, size_t length) {
    constexpr size_t worth_lending = 4 << 10;
    bool fits = lent_ && !lent_->used && length >= worth_lending && length <= lent_->room.size() &&
                lent_->filter.fits_all(peer, length);
    if (!fits) return nullptr;
    lent_->used = true;
    return lent_->room.data();
}

void Mailbox::fetch_home() {
    if (lent_ && lent_->used) {
        for (auto& known : peers_)
            known->talk.fetch_home();
        letters_.fetch_home();
    }
    lent_.reset();
}

bool Mailbox::over(Peer peer) const {
    Known const& known = *peers_[peer];
    return known.state == State::gone || known.talk.over();
}

void Mailbox::tire() {
    Known* longest = nullptr;
    for (auto& known : peers_) {
        if (!known->talk.idle() || known->talk.resting()) continue;
        if (!longest || known->used < longest->used) longest = known.get();
    }
    if (!longest) return;
    longest->used = ++events_;
    longest->talk.offer_rest();
}

} // namespace rove::mailbox
