// SPDX-License-Identifier: Apache-2.0
// Fuzz target: gossip datagrams, sealed ones from anybody and the plain text of one who has the
// key.
// uses: base sys wire net
#include <cstdlib>

#include "net/seal.hh"
#include "wire/gossip.hh"

using namespace rove;

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    std::string_view text(reinterpret_cast<char const*>(bytes), size);
    static net::Opener opener(std::string(32, 'k'));
    static net::Sealer sealer = *net::Sealer::create(std::string(32, 'k'));
    if (opener.open(text).fault == net::SealFault::none) std::abort();
    // What is sealed comes out as it was, once.
    if (auto sealed = sealer.seal(text)) {
        auto opened = opener.open(*sealed);
        if (opened.fault != net::SealFault::none || opened.plain != text) std::abort();
        if (opener.open(*sealed).fault != net::SealFault::replayed) std::abort();
    }
    auto datagram = wire::decode_gossip(text);
    if (!datagram) return 0;
    // What was understood is said again in the same words.
    std::string again = wire::encode_gossip(*datagram);
    auto twice = wire::decode_gossip(again);
    if (datagram->head.type <= wire::GossipType::cards &&
        datagram->head.type != wire::GossipType::none &&
        (!twice || wire::encode_gossip(*twice) != again))
        std::abort();
    return 0;
}
