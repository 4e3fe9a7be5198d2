// SPDX-License-Identifier: Apache-2.0
// Guest ring: see guest_ring.hh. What waits for a change waits for a timer that is canceled when
// the bell rings: the bell has one listener, so that no ring is lost between two.
#include "node/guest_ring.hh"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <cstring>

#include "node/readable.hh"
#include "sys/files.hh"
#include "sys/futex.hh"
#include "sys/sockets.hh"

namespace rove::node {

using Stream = asio::generic::stream_protocol::socket;
using wire::MailRing;
using wire::MailRingEnd;

namespace {

Result<MailRing*> map(Fd const& memory) {
    void* at =
        ::mmap(nullptr, sizeof(MailRing), PROT_READ | PROT_WRITE, MAP_SHARED, memory.number(), 0);
    if (at == MAP_FAILED) return fail(errno, "cannot map a ring");
    return static_cast<MailRing*>(at);
}

// A guest that could shorten it would end whoever reads there.
Result<Fd> sealed_memory() {
    Fd memory = TRY(sys::memfd("mailbox ring", MFD_ALLOW_SEALING));
    constexpr int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    if (::ftruncate(memory.number(), sizeof(MailRing)) != 0 ||
        ::fcntl(memory.number(), F_ADD_SEALS, seals) != 0)
        return fail(errno, "cannot make the memory of a ring");
    return memory;
}

// Something may be missing: whoever reads there must not take it for the end.
void break_off(Stream& stream) {
    boost::system::error_code ignored;
    stream.set_option(asio::socket_base::linger(true, 0), ignored);
    stream.close(ignored);
}

} // namespace

Result<GuestRing::Two> GuestRing::create() {
    Fd memory = TRY(sealed_memory()), copy = TRY(sys::duplicate(memory.number(), 3));
    auto bells = TRY(sys::socket_pair(SOCK_STREAM, SOCK_NONBLOCK));
    std::shared_ptr<GuestRing> one(new GuestRing(0, std::move(memory), std::move(bells.first)));
    std::shared_ptr<GuestRing> other(new GuestRing(1, std::move(copy), std::move(bells.second)));
    one->ring_ = TRY(map(one->memory_));
    other->ring_ = TRY(map(other->memory_));
    return Two{std::move(one), std::move(other)};
}

GuestRing::~GuestRing() {
    if (ring_ != nullptr) (void)::munmap(ring_, sizeof(MailRing));
}

void GuestRing::wake_other() {
    auto const how = view().wake(~0u);
    if (how == MailRingEnd::Wake::by_word) sys::futex_wake(*view().others_sleep_word());
    if (how == MailRingEnd::Wake::by_bell)
        (void)::send(bell_.number(), "!", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool GuestRing::is_over() const {
    pollfd look{bell_.number(), 0, 0};
    return view().is_over() || ::poll(&look, 1, 0) == 1;
}

/// The daemon in the place of a guest.
class RingUse : public std::enable_shared_from_this<RingUse> {
public:
    RingUse(
        asio::io_context& io, std::shared_ptr<GuestRing> ring, asio::posix::stream_descriptor bell)
        : ring_(std::move(ring)),
          bell_(std::move(bell)),
          changed_(io, asio::steady_timer::time_point::max()) {}

    Task<> listen() {
        auto const self = shared_from_this();
        while (users_ > 0) {
            auto [error] =
                co_await bell_.async_wait(asio::posix::stream_descriptor::wait_read, no_throw);
            char bells[64];
            ssize_t count = ::recv(ring_->bell(), bells, sizeof bells, MSG_DONTWAIT);
            alone_ = error || count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
            changed_.cancel();
            if (alone_) co_return;
        }
    }
    void come() { ++users_; }
    void go() {
        boost::system::error_code ignored;
        if (--users_ == 0) bell_.cancel(ignored);
    }

    // As of MailRingEnd, but waiting; alone: an error.
    Task<long> get(std::string& room) {
        for (;;) {
            long got = ring_->view().get(room.size(), [&](auto const* from, auto done, auto n) {
                std::memcpy(room.data() + done, from, n);
                return true;
            });
            if (got > 0) ring_->wake_other();
            if (got != MailRingEnd::again) co_return got;
            if (!co_await change(&MailRingEnd::readable)) co_return MailRingEnd::reset;
        }
    }
    Task<bool> put(std::string_view bytes) {
        while (!bytes.empty()) {
            long put = ring_->view().put(bytes.size(), [&](auto* to, auto done, auto n) {
                std::memcpy(to, bytes.data() + done, n);
                return true;
            });
            if (put > 0) {
                ring_->wake_other();
                bytes.remove_prefix(static_cast<size_t>(put));
            } else if (put != MailRingEnd::again || !co_await change(&MailRingEnd::writable)) {
                co_return false;
            }
        }
        co_return true;
    }
    void end() {
        ring_->view().end();
        ring_->wake_other();
    }
    void break_off() {
        ring_->view().break_off();
        ring_->wake_other();
        changed_.cancel();
    }

private:
    // False: there is nobody who could change anything.
    Task<bool> change(bool (MailRingEnd::*is_so)()) {
        auto view = ring_->view();
        view.sleeps(wire::sleep_for_bytes | wire::sleep_for_room); // of the other one of us, too
        if ((view.*is_so)()) co_return true;
        if (alone_) co_return false;
        (void)co_await changed_.async_wait(no_throw);
        co_return true;
    }

    std::shared_ptr<GuestRing> ring_;
    asio::posix::stream_descriptor bell_;
    asio::steady_timer changed_;
    int users_ = 0;
    bool alone_ = false;
};

namespace {

Task<> from_ring(std::shared_ptr<RingUse> use, std::shared_ptr<Stream> to) {
    std::string bytes(65536, '\0');
    boost::system::error_code ignored;
    for (;;) {
        long got = co_await use->get(bytes);
        if (got == 0) {
            to->shutdown(Stream::shutdown_send, ignored);
            co_return use->go();
        }
        if (got < 0 || !to->is_open()) break;
        auto [unsent, sent] = co_await asio::async_write(
            *to, asio::buffer(bytes.data(), static_cast<size_t>(got)), no_throw);
        if (unsent) break;
    }
    use->break_off();
    break_off(*to);
    use->go();
}

Task<> to_ring(std::shared_ptr<Stream> from, std::shared_ptr<RingUse> use) {
    std::string bytes(65536, '\0');
    for (;;) {
        auto [ended, count] = co_await from->async_read_some(asio::buffer(bytes), no_throw);
        if (ended == asio::error::eof) {
            use->end();
            co_return use->go();
        }
        if (ended || !co_await use->put(std::string_view(bytes).substr(0, count))) break;
    }
    use->break_off();
    break_off(*from);
    use->go();
}

Task<> throw_away(std::shared_ptr<RingUse> use) {
    std::string nobodys(65536, '\0');
    use->end();
    while (co_await use->get(nobodys) > 0) {
    }
    use->go();
}

std::shared_ptr<RingUse> use_of(asio::io_context& io, std::shared_ptr<GuestRing> ring) {
    auto bell = waitable(io, ring->bell());
    if (!bell) return nullptr;
    return std::make_shared<RingUse>(io, std::move(ring), std::move(*bell));
}

} // namespace

void pass_on(asio::io_context& io, std::shared_ptr<GuestRing> ring, Fd connection) {
    asio::generic::stream_protocol const tcp(AF_INET, IPPROTO_TCP);
    auto stream = std::make_shared<Stream>(io, tcp, connection.release());
    auto use = use_of(io, std::move(ring));
    if (!use) return break_off(*stream);
    use->come();
    use->come();
    start(io, use->listen());
    start(io, from_ring(use, stream));
    start(io, to_ring(stream, use));
}

void part_from(asio::io_context& io, std::shared_ptr<GuestRing> ring) {
    auto use = use_of(io, std::move(ring));
    if (!use) return;
    use->come();
    start(io, use->listen());
    start(io, throw_away(use));
}

} // namespace rove::node
