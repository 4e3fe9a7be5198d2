// SPDX-License-Identifier: Apache-2.0
// Guest ring: one side of a carrier in shared memory (wire/mail_ring.hh), as the daemon of the host
// holds it: it makes both, keeps a copy of each while its guest uses it, and goes on with it when
// the guest has left it behind or has ended.
#pragma once

#include <memory>
#include <utility>

#include "base/fd.hh"
#include "base/result.hh"
#include "node/async.hh"
#include "wire/mail_ring_end.hh"

namespace rove::node {

class GuestRing {
public:
    using Two = std::pair<std::shared_ptr<GuestRing>, std::shared_ptr<GuestRing>>;
    static Result<Two> create();
    ~GuestRing();
    GuestRing(GuestRing const&) = delete;
    GuestRing& operator=(GuestRing const&) = delete;

    uint32_t side() const { return side_; }
    int bell() const { return bell_.number(); }
    int memory() const { return memory_.number(); }
    // Nobody will use the other side any more, or both have ended.
    bool is_over() const;

private:
    GuestRing(uint32_t side, Fd memory, Fd bell)
        : side_(side), memory_(std::move(memory)), bell_(std::move(bell)) {}
    wire::MailRingEnd view() const { return {*ring_, side_}; }
    void wake_other();
    friend class RingUse;

    wire::MailRing* ring_ = nullptr;
    uint32_t side_;
    Fd memory_, bell_;
};

/// Its guest has moved: what comes goes to this connection, and the other way.
void pass_on(asio::io_context& io, std::shared_ptr<GuestRing> ring, Fd connection);
/// Its guest has ended: what it has written stays to be read, what comes is nobody's.
void part_from(asio::io_context& io, std::shared_ptr<GuestRing> ring);

} // namespace rove::node
