// SPDX-License-Identifier: Apache-2.0
// Rove: include/rove.h over Box: errors become errno, and mailboxes end with the process.
#include <rove.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <set>

#include <pthread.h>

#include "post/box.hh"

namespace post = rove::post;
using rove::mailbox::Address;
using rove::mailbox::Letter;

struct rove_mailbox {
    std::unique_ptr<post::Box> box;
};

namespace {

static_assert(ROVE_MESSAGE_MAX == rove::mailbox::message_length_max);
static_assert(ROVE_HOME_SIZE == rove::mailbox::home_length_max + 1);

int failed(int code) {
    errno = code;
    return -1;
}

int answer(rove::Status const& status) {
    return status ? 0 : failed(status.error().code);
}

rove::Deadline within(int timeout_ms) {
    return timeout_ms < 0 ? rove::Deadline::never()
                          : rove::Deadline::after(std::chrono::milliseconds(timeout_ms));
}

Address taken(rove_address const& address) {
    return {std::string(address.home, ::strnlen(address.home, ROVE_HOME_SIZE - 1)), address.process,
        address.incarnation};
}

void give(Address const& from, rove_address* address) {
    *address = {};
    from.home.copy(address->home, ROVE_HOME_SIZE - 1);
    address->process = from.process;
    address->incarnation = from.incarnation;
}

// All that are open, for fork and exit. Never destroyed: exit handlers of others may still use it.
struct Open {
    std::mutex lock;
    std::set<rove_mailbox*> boxes;
};
Open& open_boxes() {
    static Open* all = new Open;
    return *all;
}

void before_fork() {
    open_boxes().lock.lock();
    for (auto* box : open_boxes().boxes)
        box->box->before_fork();
}
void after_fork_in_parent() {
    for (auto* box : open_boxes().boxes)
        box->box->after_fork_in_parent();
    open_boxes().lock.unlock();
}
void after_fork_in_child() {
    for (auto* box : open_boxes().boxes)
        box->box->after_fork_in_child();
    open_boxes().lock.unlock();
}

// What was sent goes out before the process ends. Other threads may use their mailboxes still.
void at_exit() {
    std::set<rove_mailbox*> boxes;
    {
        std::lock_guard guard(open_boxes().lock);
        boxes = open_boxes().boxes;
    }
    for (auto* box : boxes)
        box->box->finish();
}

void attend_process() {
    static bool const once = [] {
        (void)::pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
        (void)std::atexit(at_exit);
        return true;
    }();
    (void)once;
}

} // namespace

extern "C" {

rove_mailbox* rove_open(unsigned flags) {
    if ((flags & ~(ROVE_NOTICES | ROVE_POLLED)) != 0) {
        errno = EINVAL;
        return nullptr;
    }
    using Notices = rove::mailbox::Mailbox::Notices;
    using Polled = post::Box::Polled;
    auto box = post::Box::open((flags & ROVE_NOTICES) != 0 ? Notices::yes : Notices::no,
        (flags & ROVE_POLLED) != 0 ? Polled::yes : Polled::no);
    if (!box) {
        errno = box.error().code;
        return nullptr;
    }
    attend_process();
    auto* made = new rove_mailbox{std::move(*box)};
    std::lock_guard guard(open_boxes().lock);
    open_boxes().boxes.insert(made);
    return made;
}

int rove_close(rove_mailbox* box) {
    box->box->finish();
    {
        std::lock_guard guard(open_boxes().lock);
        open_boxes().boxes.erase(box);
    }
    delete box;
    return 0;
}

void rove_own_address(rove_mailbox const* box, rove_address* own) {
    give(box->box->own(), own);
}

int rove_address_equal(rove_address const* a, rove_address const* b) {
    return taken(*a) == taken(*b) ? 1 : 0;
}

void rove_address_text(rove_address const* address, char* text) {
    std::string whole = rove::mailbox::text_of(taken(*address));
    text[whole.copy(text, ROVE_ADDRESS_TEXT_SIZE - 1)] = 0;
}

int rove_address_parse(char const* text, rove_address* address) {
    auto parsed = rove::mailbox::parse_address(text);
    if (!parsed) return failed(EINVAL);
    give(*parsed, address);
    return 0;
}

int rove_find(
    rove_mailbox* box, char const* home, pid_t process, rove_address* found, int timeout_ms) {
    auto address = box->box->find(home ? home : "", process, within(timeout_ms));
    if (!address) return failed(address.error().code);
    give(*address, found);
    return 0;
}

int rove_move_to(rove_mailbox* box, rove_address const* peer, int timeout_ms) {
    return answer(box->box->move_to(taken(*peer), within(timeout_ms)));
}

int rove_move_to_node(rove_mailbox* box, char const* node, int timeout_ms) {
    if (node && ::strnlen(node, ROVE_HOME_SIZE) == ROVE_HOME_SIZE) return failed(EHOSTUNREACH);
    return answer(box->box->move_to_node(node ? node : "", within(timeout_ms)));
}

int rove_invite(rove_mailbox* box, rove_address const* peer, int timeout_ms) {
    return answer(box->box->invite(taken(*peer), within(timeout_ms)));
}

int rove_send(
    rove_mailbox* box, rove_address const* to, void const* bytes, size_t length, int timeout_ms) {
    std::string_view const part(static_cast<char const*>(bytes), length);
    return answer(box->box->send(taken(*to), {&part, 1}, within(timeout_ms)));
}

int rove_sendv(rove_mailbox* box, rove_address const* to, struct iovec const* parts, int count,
    int timeout_ms) {
    std::array<std::string_view, 64> views;
    if (count < 0 || static_cast<size_t>(count) > views.size()) return failed(EINVAL);
    auto used = static_cast<size_t>(count);
    for (size_t i = 0; i < used; ++i)
        views[i] = {static_cast<char const*>(parts[i].iov_base), parts[i].iov_len};
    return answer(box->box->send(taken(*to), {views.data(), used}, within(timeout_ms)));
}

int rove_flush(rove_mailbox* box, rove_address const* to, int timeout_ms) {
    return answer(box->box->flush(taken(*to), within(timeout_ms)));
}

ssize_t rove_receive(rove_mailbox* box, rove_filter const* filter, void* bytes, size_t room,
    rove_letter* letter, unsigned flags, int timeout_ms) {
    if ((flags & ~ROVE_PEEK) != 0) return failed(EINVAL);
    post::Box::Wanted wanted;
    if (filter) {
        if (filter->sender) wanted.sender = taken(*filter->sender);
        wanted.filter.length_min = filter->length_min;
        if (filter->length_max != 0) wanted.filter.length_max = filter->length_max;
        wanted.filter.pattern_at = filter->pattern_at;
        wanted.filter.pattern = {static_cast<char const*>(filter->pattern), filter->pattern_length};
    }
    using Take = post::Box::Take;
    post::Box::Seen seen;
    auto received = box->box->receive(wanted, {static_cast<char*>(bytes), room},
        (flags & ROVE_PEEK) != 0 ? Take::look : Take::yes, within(timeout_ms), seen);
    int code = received ? 0 : received.error().code;
    if (letter && (code == 0 || code == EMSGSIZE)) {
        *letter = {};
        give(seen.sender, &letter->sender);
        letter->length = seen.length;
        letter->undelivered = seen.undelivered;
        letter->kind = seen.kind == Letter::Kind::gone ? ROVE_GONE : ROVE_MESSAGE;
    }
    return code == 0 ? static_cast<ssize_t>(seen.length) : failed(code);
}

int rove_descriptor(rove_mailbox* box) {
    int number = box->box->descriptor();
    return number >= 0 ? number : failed(EMFILE);
}

int rove_notify(rove_mailbox* box, int signal_number) {
    return answer(box->box->notify(signal_number));
}

} // extern "C"
