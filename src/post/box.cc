// SPDX-License-Identifier: Apache-2.0
// Box: see box.hh. What goes between it and home is in calls.cc.
#include "post/box.hh"

#include <cerrno>
#include <cstring>

namespace rove::post {

Box::Box(HomeLink home, Address own, Mailbox::Notices notices, Polled polled)
    : polled_(polled),
      mailbox_(std::move(own), notices),
      lines_(mailbox_),
      home_(std::move(home)) {}

Box::~Box() = default;

Result<std::unique_ptr<Box>> Box::open(Mailbox::Notices notices, Polled polled) {
    Address own;
    auto home = HomeLink::open(0, &own);
    if (!home) {
        int code = home.error().code;
        bool nobody = code == ENOENT || code == ECONNREFUSED || code == EPIPE ||
                      code == ECONNRESET || code == ETIMEDOUT;
        return deny(nobody ? EHOSTDOWN : code, "{}", home.error().what);
    }
    std::unique_ptr<Box> box(new Box(std::move(*home), std::move(own), notices, polled));
    TRY(box->lines_.begin());
    box->lines_.watch_home(box->home_->number());
    return box;
}

Status Box::usable() const {
    if (disowned_) return deny(ECHILD, "it is the parent's mailbox");
    if (forgotten_) return deny(EHOSTDOWN, "home has lost this mailbox");
    return {};
}

Result<bool> Box::look() {
    return polled_ == Polled::yes ? look_cheaply() : look_round(false);
}

// Who goes while a long message comes to the room that he has lent takes it with him by a copy.
bool Box::glance_for_long() {
    constexpr Nanos until_more = std::chrono::microseconds(50);
    if (lines_.glance()) return true;
    if (!mailbox_.fills_room()) return false;
    for (Nanos const until = monotonic_now() + until_more; monotonic_now() < until;)
        if (lines_.glance()) return true;
    return false;
}

// Where home performs a look at all lines it takes long, so it is made less often.
Result<bool> Box::look_cheaply() {
    constexpr Nanos often = std::chrono::microseconds(10);
    if (lines_.has_favourite() && glance_for_long()) {
        afterwards();
        changed_.notify_all();
        return true;
    }
    Nanos const began = monotonic_now();
    if (began - looked_round_ < std::max(often, look_round_took_)) return false;
    bool const found = TRY(look_round(true));
    look_round_took_ = monotonic_now() - began;
    return found;
}

Result<bool> Box::look_round(bool home_later) {
    auto watched = lines_.watched();
    watched.home_later = home_later;
    auto ready = TRY(lines_.wait(std::move(watched), Nanos(0)));
    looked_round_ = monotonic_now();
    if (lines_.serve(ready)) hear_home();
    afterwards();
    changed_.notify_all();
    return !ready.empty();
}

// One line is looked at, so the others have their turn each millisecond.
bool Box::spin() {
    constexpr Nanos others_wait = std::chrono::milliseconds(1);
    constexpr Nanos slow = std::chrono::microseconds(10); // a look that home performs
    if (callers_ > 1 || !lines_.has_favourite()) return false;
    Nanos const patience = spin_.patience();
    if (patience == Nanos(0)) return false;
    Nanos now = monotonic_now();
    Nanos const until = now + patience;
    if (now - looked_round_ > others_wait) {
        auto found = look_round(true);
        if (!found || *found) return found.has_value();
    }
    while (now < until && callers_ == 1) {
        Nanos const began = now;
        for (int looks = 0; looks < 8; ++looks) {
            if (!lines_.glance()) continue;
            spin_.hit();
            afterwards();
            changed_.notify_all();
            return true;
        }
        now = monotonic_now();
        if (now - began > 8 * slow) break;
    }
    spin_.missed();
    return false;
}

Status Box::wait(Lock& lock, Deadline deadline) {
    afterwards();
    if (deadline.passed()) {
        // What is there already counts: time 0 looks once.
        if (somebody_looks_ || !TRY(look())) return deny(EAGAIN, "not yet");
        return {};
    }
    if (somebody_looks_) {
        if (deadline.left() == Nanos::max())
            changed_.wait(lock);
        else
            (void)changed_.wait_for(lock, deadline.left());
        return {};
    }
    lines_.acknowledge();
    if (spin()) return {};
    Nanos patience = deadline.left();
    if (!home_) patience = std::min<Nanos>(patience, std::chrono::milliseconds(100));
    somebody_looks_ = true;
    auto watched = lines_.watched();
    if (!asked_.empty()) watched.home_soon = true;
    lock.unlock();
    auto ready = lines_.wait(std::move(watched), patience);
    lock.lock();
    somebody_looks_ = false;
    if (ready) {
        if (lines_.serve(*ready)) hear_home();
        afterwards();
    }
    changed_.notify_all();
    if (!ready) return Failure(ready.error());
    return {};
}

template <class So> Status Box::await(Lock& lock, size_t length, Deadline deadline, So is_so) {
    Nanos const patience(length / 4); // a copy takes some 0.1 to 0.2 ns a byte
    if (deadline.left() <= patience) return {};
    auto const until = Deadline::after(patience);
    while (!is_so() && !until.passed()) {
        Status waited = wait(lock, until);
        if (!waited && waited.error().code != EAGAIN) return waited;
        TRY(usable());
    }
    return {};
}

Status Box::send(Address const& to, std::span<std::string_view const> parts, Deadline deadline) {
    Lock lock(*this);
    TRY(usable());
    Peer peer = mailbox_.meet(to);
    std::optional<mailbox::Buffer> bytes;
    struct Keeping { // the parts are the caller's again
        Mailbox& mailbox;
        Peer peer;
        ~Keeping() { mailbox.keep(peer); }
    } const keeping{mailbox_, peer};
    size_t const length = parts.size() == 1 ? parts.front().size() : 0;
    bool const alone = lines_.is_near(peer) && mailbox_.goes_alone(peer, length);
    for (bool posted = false, waited_for_room = false;;) {
        auto sent = posted ? Mailbox::Sent::yes : mailbox_.send(peer, parts, bytes);
        switch (sent) {
        case Mailbox::Sent::yes:
            posted = true;
            lines_.push(peer);
            if (mailbox_.written_out(peer)) {
                lines_.hear(peer);
                if (alone)
                    (void)await(lock, length, deadline, [&] { return !mailbox_.borrows(peer); });
                afterwards();
                return {};
            }
            break;
        case Mailbox::Sent::gone:
            return deny(ESRCH, "there is no such mailbox");
        case Mailbox::Sent::forbidden:
            return deny(EPERM, "it may not be sent to");
        case Mailbox::Sent::too_long:
            return deny(EMSGSIZE, "it is too long");
        case Mailbox::Sent::no_memory:
            return deny(ENOMEM, "no memory for it");
        case Mailbox::Sent::no_room:
            if (alone && !std::exchange(waited_for_room, true)) {
                lines_.push(peer);
                TRY(await(lock, length, deadline, [&] { return mailbox_.has_room(peer, length); }));
                continue;
            }
            // The copy is made while the other side reads what it has.
            if (!bytes && !deadline.passed()) bytes = mailbox::joined(parts);
            [[fallthrough]];
        case Mailbox::Sent::no_line:
            lines_.push(peer);
            break;
        }
        Status waited = wait(lock, deadline);
        // It is accepted: what is still here of it goes out in later calls.
        if (posted && !waited) return {};
        TRY(waited);
        TRY(usable());
    }
}

Status Box::flush(Address const& to, Deadline deadline) {
    Lock lock(*this);
    TRY(usable());
    Peer peer = mailbox_.meet(to);
    for (;;) {
        auto settled = mailbox_.settled(peer);
        if (settled == Mailbox::Settled::yes) return {};
        if (settled == Mailbox::Settled::gone)
            return deny(ESRCH, "it is gone, and something was not taken");
        lines_.push(peer);
        TRY(wait(lock, deadline));
        TRY(usable());
    }
}

Result<Box::Seen> Box::receive(
    Wanted wanted, std::span<char> room, Take take, Deadline deadline, Seen& seen) {
    Lock lock(*this);
    TRY(usable());
    if (wanted.sender) wanted.filter.sender = mailbox_.meet(*wanted.sender);
    struct Lending { // the room is the caller's again
        Mailbox& mailbox;
        bool lends = false;
        void end() {
            if (std::exchange(lends, false)) mailbox.fetch_home();
        }
        ~Lending() { end(); }
    } lending{mailbox_};
    for (;;) {
        if (auto const* letter = mailbox_.look(wanted.filter)) {
            seen = {letter->kind, mailbox_.address(letter->sender), letter->bytes.size(),
                letter->undelivered};
            if (seen.length > room.size()) return deny(EMSGSIZE, "it is longer than the room");
            if (seen.length > 0 && letter->bytes.text().data() != room.data()) {
                lending.end();
                std::memcpy(room.data(), letter->bytes.text().data(), seen.length);
            }
            if (take == Take::yes) {
                Peer sender = letter->sender;
                (void)mailbox_.take(letter);
                lines_.push(sender);
                afterwards();
            }
            return seen;
        }
        if (take == Take::yes && !lending.lends) lending.lends = mailbox_.lend(wanted.filter, room);
        TRY(wait(lock, deadline));
        TRY(usable());
    }
}

int Box::descriptor() {
    Lock lock(*this);
    if (!usable()) return -1;
    int number = lines_.descriptor();
    afterwards();
    return number;
}

Status Box::notify(int signal) {
    Lock lock(*this);
    TRY(usable());
    lines_.notify(signal);
    afterwards();
    return {};
}

void Box::finish() {
    Lock lock(*this);
    if (disowned_ || forgotten_) return;
    // A line that is lost already must be known to be, or what is on it goes with this process.
    (void)wait(lock, Deadline::after(Nanos(0)));
    mailbox_.finish();
    lines_.push_all();
    while (!mailbox_.finished() && !forgotten_) {
        auto waited = wait(lock, Deadline::never());
        if (!waited && waited.error().code != EINTR) return;
        lines_.push_all();
    }
}

void Box::after_fork_in_child() {
    disowned_ = true;
    lines_.abandon();
    home_.reset();
    lock_.unlock();
}

} // namespace rove::post
