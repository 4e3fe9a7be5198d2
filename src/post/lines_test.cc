// SPDX-License-Identifier: Apache-2.0
// Lines under random messages, offers of better carriers and moves, with real sockets and a host
// and a home that the test plays.
#include "post/lines.hh"

#include <cerrno>
#include <map>
#include <random>

#include <gtest/gtest.h>
#include <poll.h>
#include <rapidcheck.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sys/sockets.hh"

namespace rove::post {
namespace {

// Ends by ticket. What is here a guest can use; what is left behind its home can follow.
std::map<uint64_t, Fd> here, behind; // NOLINT: the call has no other way to them

long play_host(wire::MailOp op, uint64_t ticket, uint64_t at, uint64_t length) {
    auto fail = [](int code) {
        errno = code;
        return -1L;
    };
    if (op == wire::MailOp::wait) {
        auto* ends = reinterpret_cast<wire::MailWait*>(ticket);
        long ready = 0;
        for (uint64_t i = 0; i < at; ++i) {
            auto end = here.find(ends[i].ticket);
            pollfd look{end == here.end() ? -1 : end->second.number(),
                static_cast<short>(ends[i].events), 0};
            if (end != here.end()) (void)::poll(&look, 1, 0);
            ends[i].ready =
                end == here.end() ? uint32_t{POLLNVAL} : static_cast<uint32_t>(look.revents);
            ready += ends[i].ready != 0;
        }
        return ready;
    }
    auto end = here.find(ticket);
    if (op == wire::MailOp::take) return end == here.end() ? fail(ENOENT) : 0;
    if (end == here.end()) return fail(EBADF);
    int number = end->second.number();
    auto* bytes = reinterpret_cast<char*>(at);
    if (op == wire::MailOp::send || op == wire::MailOp::send_more)
        return ::send(number, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (op == wire::MailOp::receive) return ::recv(number, bytes, length, MSG_DONTWAIT);
    if (op == wire::MailOp::end) return ::shutdown(number, SHUT_WR);
    if (op != wire::MailOp::leave) return fail(ENOSYS); // is_memory: an older runtime
    behind[ticket] = std::move(end->second);
    here.erase(end);
    return 0;
}

struct Side {
    mailbox::Mailbox box;
    Lines lines{box};
    mailbox::Peer peer = 0;
    uint32_t sent = 0, read = 0;
    std::vector<uint64_t> tickets;
    explicit Side(uint64_t own, uint64_t other)
        : box({"n1", 1, own}, mailbox::Mailbox::Notices::yes, 20000) {
        EXPECT_TRUE(lines.begin());
        peer = box.meet({"n1", 1, other});
    }
};

std::string text_of(uint32_t number, size_t length) {
    std::string text = std::to_string(number) + " ";
    while (text.size() < length)
        text.push_back(static_cast<char>('a' + (number + text.size()) % 26));
    return text;
}

class World {
public:
    World() {
        here.clear();
        behind.clear();
        set_mail_host(play_host);
        give();
    }
    ~World() { set_mail_host(nullptr); }

    void give() {
        auto ends = sys::socket_pair();
        narrow(*ends);
        ++number_;
        a_.lines.give(a_.peer, number_, {}, std::move(ends->first));
        b_.lines.give(b_.peer, number_, {}, std::move(ends->second));
    }
    void send(Side& side, size_t length) {
        std::string text = text_of(side.sent, length);
        std::string_view const parts[] = {text};
        if (side.box.send(side.peer, parts) == mailbox::Mailbox::Sent::yes) ++side.sent;
        side.lines.push(side.peer);
    }
    void look(Side& side) {
        auto ready = side.lines.wait(side.lines.watched(), Nanos(0));
        if (ready) (void)side.lines.serve(*ready);
        while (auto const* letter = side.box.look({})) {
            auto taken = side.box.take(letter);
            bool whole = taken.kind == mailbox::Letter::Kind::message &&
                         taken.bytes.text() == text_of(side.read, taken.bytes.size());
            if (!whole) wrong = "not message " + std::to_string(side.read);
            ++side.read;
        }
        // Nothing that the test does is the loss of a line.
        if (side.box.take_calls().size() > lost_allowed) wrong = "a line was lost";
        side.lines.push(side.peer);
    }
    // Home offers an end to both, late or never to one of them; each is a descriptor or a ticket.
    void offer(uint32_t kinds) {
        // An end that was never told ends with its offer.
        if (offers_.size() > 8) offers_.erase(offers_.begin());
        auto ends = sys::socket_pair();
        narrow(*ends);
        Offer offer{++number_, {std::move(ends->first), std::move(ends->second)}, kinds};
        offers_.push_back(std::move(offer));
    }
    void tell(size_t which, size_t side) {
        if (offers_.empty()) return;
        Offer& offer = offers_[which % offers_.size()];
        Fd end = std::move(side == 0 ? offer.first() : offer.second());
        if (!end) return;
        Side& to = side == 0 ? a_ : b_;
        if ((offer.kinds >> side & 1) == 0)
            return to.lines.offer(to.peer, offer.number, Carrier(std::move(end)));
        uint64_t ticket = ++last_ticket_;
        to.tickets.push_back(ticket);
        here[ticket] = std::move(end);
        to.lines.offer(to.peer, offer.number, Carrier::take(ticket));
    }
    void move(Side& side) {
        for (uint64_t ticket : side.tickets)
            if (auto end = here.extract(ticket)) behind[ticket] = std::move(end.mapped());
        side.tickets.clear();
    }
    void answer(Side& side) {
        for (uint64_t ticket : side.lines.take_strays()) {
            if (!behind.contains(ticket)) wrong = "it seeks what did not stay behind";
            side.lines.followed(ticket, std::move(behind[ticket]));
        }
    }
    // What nobody was told of is forgotten.
    void settle() {
        for (size_t i = 0; i < offers_.size(); ++i)
            for (size_t side : {0, 1})
                tell(i, side);
        offers_.clear();
        for (int i = 0; i < 400; ++i)
            for (Side* side : {&a_, &b_}) {
                look(*side);
                answer(*side);
            }
    }
    Side& side(size_t which) { return which % 2 == 0 ? a_ : b_; }
    std::string wrong;
    size_t lost_allowed = 0;

private:
    struct Offer {
        uint64_t number;
        std::pair<Fd, Fd> ends;
        uint32_t kinds;
        Fd& first() { return ends.first; }
        Fd& second() { return ends.second; }
    };
    // So that lines are full now and then.
    static void narrow(std::pair<Fd, Fd> const& ends) {
        for (int end : {ends.first.number(), ends.second.number()})
            (void)sys::set_option(end, SOL_SOCKET, SO_SNDBUF, 4096);
    }

    Side a_{11, 22}, b_{22, 11};
    std::vector<Offer> offers_;
    uint64_t number_ = 0, last_ticket_ = 0;
};

struct Step {
    uint8_t what = 0, which = 0;
    uint16_t size = 0;
};
void showValue(Step const& step, std::ostream& out) {
    out << "{" << int(step.what) << "," << int(step.which) << "," << step.size << "}";
}

void act(World& world, Step const& step) {
    Side& side = world.side(step.which);
    switch (step.what) {
    case 0:
    case 1:
        return world.send(side, step.size);
    case 2:
    case 3:
        return world.look(side);
    case 4:
        return world.offer(step.size % 4);
    case 5:
    case 6:
        return world.tell(step.size, step.which % 2);
    case 7:
        return world.move(side);
    default:
        return world.answer(side);
    }
}

TEST(Lines, go_over_and_follow_without_a_gap) {
    auto any = rc::gen::build<Step>(rc::gen::set(&Step::what, rc::gen::inRange<uint8_t>(0, 9)),
        rc::gen::set(&Step::which, rc::gen::inRange<uint8_t>(0, 2)),
        rc::gen::set(&Step::size, rc::gen::inRange<uint16_t>(0, 6000)));
    EXPECT_TRUE(rc::check("offers, moves and messages in any order", [&] {
        auto const steps = *rc::gen::scale(8.0, rc::gen::container<std::vector<Step>>(any));
        World world;
        for (auto const& step : steps) {
            act(world, step);
            RC_ASSERT(world.wrong == "");
        }
        world.settle();
        RC_ASSERT(world.wrong == "");
        RC_ASSERT(world.side(0).read == world.side(1).sent);
        RC_ASSERT(world.side(1).read == world.side(0).sent);
    }));
}

TEST(Lines, a_storm_of_offers_and_moves) {
    World world;
    std::mt19937 chance(5);
    for (int i = 0; i < 60000; ++i) {
        act(world, Step{static_cast<uint8_t>(chance() % 9), static_cast<uint8_t>(chance() % 2),
                       static_cast<uint16_t>(chance() % 6000)});
        ASSERT_EQ(world.wrong, "") << i;
    }
    world.settle();
    EXPECT_EQ(world.wrong, "");
    EXPECT_EQ(world.side(0).read, world.side(1).sent);
    EXPECT_GT(world.side(0).read, 1000u);
}

} // namespace
} // namespace rove::post
