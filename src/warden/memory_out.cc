// SPDX-License-Identifier: Apache-2.0
// Memory out: a guest's pages on their way to home or to the next host, and what is known of them.
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/fault.hh"
#include "sys/sockets.hh"
#include "warden/household.hh"
#include "warden/mapping.hh"
#include "warden/page_stream.hh"
#include "warden/warden.hh"

namespace rove::warden {

using wire::SessionType;

// Of those that hold something.
std::vector<wire::Range> Warden::unchanged_pages(std::vector<wire::Range> const& present) const {
    if (!watch_) return {};
    auto suspect = guest_->suspect_pages();
    return suspect ? subtract(subtract(present, *suspect), unread_) : std::vector<wire::Range>{};
}

namespace {

// Of whoever receives pages, who has been told to.
constexpr Nanos meet_patience = std::chrono::seconds(2);

// Nobody is served meanwhile, so patience is short.
Result<Fd> connect_onward(wire::Landing const& landing, uint32_t epoch) {
    Deadline deadline = Deadline::after(std::chrono::seconds(1));
    wire::Hello hello;
    hello.kind = wire::Kind::pages;
    hello.epoch = epoch;
    if (!wire::is_token(landing.token))
        return fail(EBADMSG, "a token of {} bytes", landing.token.size());
    std::memcpy(hello.token, landing.token.data(), sizeof hello.token);
    Result<Fd> socket = fail(EHOSTUNREACH, "{} has no address", landing.node);
    for (auto const& address : landing.addresses) {
        auto endpoint = sys::Endpoint::parse(address, landing.port);
        if (!endpoint) continue;
        socket = sys::tcp_connect(*endpoint, deadline.left());
        if (socket) break;
    }
    if (!socket) return fail(socket.error(), "cannot reach {}", landing.node);
    Fd connected = TRY(std::move(socket));
    TRY(sys::send_all(
        connected.number(), ByteView(reinterpret_cast<uint8_t const*>(&hello), sizeof hello)));
    wire::HelloReply reply;
    TRY(sys::recv_exact(connected.number(), &reply, sizeof reply, deadline));
    if (reply.magic != wire::session_magic || reply.ok != 1)
        return fail(EPERM, "{} refuses the pages: {}", landing.node, reply.ok);
    return connected;
}

} // namespace

// Before the guest stands still: a host that cannot be reached costs it nothing then, nor does what
// can be made or looked up ahead.
Status Warden::reach(wire::SendPages const& request) {
    if (!request.landing.node.empty() && !commons().empty() &&
        household_.group_of(*this).size() > 1) {
        error_reason_ = "shared_writable_memory";
        return deny(EBUSY, "it shares memory with another process, or will");
    }
    if (!request.landing.node.empty())
        onward_ = TRY(connect_onward(request.landing, request.epoch));
    known_mappings_ = TRY(guest_->known_mappings());
    staging_.reset();
    staging_ = TRY(Staging::make(memory_bytes()));
    return send(SessionType::reached, wire::Empty{});
}

// A host that cannot tell says so; nothing but time is lost.
Status Warden::scan() {
    wire::Scanned scanned;
    auto vmas = guest_->mappings(segments_, known_mappings_);
    if (watch_ && vmas) {
        watch_->widen(*vmas);
        if (auto written = guest_->take_written_pages(*vmas)) {
            scanned.able = 1;
            scanned.written = unite(*written, std::exchange(unread_, {}));
        }
    }
    return send(SessionType::scanned, scanned);
}

// While the guest runs, it may unmap what is to be read. That is sent as zeros, and counts as
// written.
Status Warden::read_what_is_there(uint64_t from, void* to, size_t count) {
    constexpr size_t page = 4096;
    std::vector<wire::Range> lost;
    for (size_t at = 0; at < count; at += page) {
        char* place = static_cast<char*>(to) + at;
        if (guest_->read(from + at, place, page)) continue;
        std::memset(place, 0, page);
        lost.push_back({from + at, page});
    }
    unread_ = unite(unread_, lost);
    return {};
}

Status Warden::send_pages(wire::SendPages const& request) {
    FAULT_POINT("warden_send_pages");
    wire::Layout ranges;
    ranges.present = request.ranges;
    TRY(check_layout(ranges, prepare_->region));
    if (request.landing.node.empty())
        onward_.close();
    else if (!onward_)
        return deny(EPROTO, "pages for {}, which was not reached before", request.landing.node);
    if (!onward_ && !pages_) return fail(EPROTO, "there is no page connection");
    int socket = onward_ ? onward_.number() : pages_.number();
    // Whoever waits for the other wardens here must not take them for dead.
    (void)sys::set_io_timeout(socket, std::chrono::seconds(2));

    wire::PagesDone done;
    if (!staging_) staging_ = TRY(Staging::make(0));
    PageStream stream(
        guest_->pid(),
        [&](uint64_t from, void* to, size_t count) {
            return request.more == 0 ? guest_->read(from, to, count)
                                     : read_what_is_there(from, to, count);
        },
        socket, *staging_, onward_ ? request.landing.token : order_.token);
    TRY(stream.begin(meet_patience));
    for (auto const& range : request.ranges) {
        for (uint64_t at = 0; at < range.length;) {
            uint64_t added = stream.add(range.address + at, range.length - at);
            at += added;
            done.bytes += added;
            if (added != 0 && at == range.length) continue;
            TRY(stream.flush());
            household_.heartbeat();
        }
    }
    TRY(stream.end());
    done.stream = stream.sent();
    if (request.more == 0) {
        staging_.reset();
        pages_.close();
        onward_.close();
    }
    return send(SessionType::pages_sent, done);
}

} // namespace rove::warden
