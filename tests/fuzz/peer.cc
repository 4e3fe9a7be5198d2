// SPDX-License-Identifier: Apache-2.0
// Fuzz target: what a peer sends: TLS records from the network, and frames of one who has the key.
// uses: base wire net
#include <cstdlib>

#include "net/tls.hh"
#include "round_trip.hh"
#include "wire/peer.hh"

using namespace rove;

namespace {
// What daemons of later versions may make longer, and earlier ones shorter.
template <class T> void open_trip(std::string_view body) {
    if (auto message = wire::decode_open<T>(body))
        if (!wire::decode<T>(wire::encode(*message))) std::abort();
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    std::string_view text(reinterpret_cast<char const*>(bytes), size);
    if (size != 0 && bytes[0] == 0x16) {
        auto tls = net::Tls::create(std::string(32, 'k'), net::Role::server);
        if (tls && tls->feed(text) && tls->established()) std::abort();
        return 0;
    }
    for (;;) {
        wire::PeerRead read = wire::read_peer_frame(text);
        if (!read.frame) return 0;
        if (read.used > text.size()) std::abort();
        switch (read.frame->type) {
        case wire::PeerType::hello:
            round_trip<wire::PeerHello>(read.body);
            break;
        case wire::PeerType::offer:
            open_trip<wire::Offer>(read.body);
            break;
        case wire::PeerType::accept:
            open_trip<wire::Accept>(read.body);
            break;
        case wire::PeerType::refuse:
            open_trip<wire::Refuse>(read.body);
            break;
        case wire::PeerType::withdraw:
            round_trip<wire::Withdraw>(read.body);
            break;
        case wire::PeerType::ask:
            round_trip<wire::Ask>(read.body);
            break;
        case wire::PeerType::answer:
            round_trip<wire::Answer>(read.body);
            break;
        case wire::PeerType::none:
        case wire::PeerType::retired_2:
        case wire::PeerType::retired_3:
            std::abort();
        }
        text.remove_prefix(read.used);
    }
}
