// SPDX-License-Identifier: Apache-2.0
// Fuzz target: packets between a daemon and its keepers, and the orders that keepers begin with.
// uses: base wire
#include "wire/keeper.hh"
#include "round_trip.hh"

using namespace rove;

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    std::string_view text(reinterpret_cast<char const*>(bytes), size);
    round_trip<wire::StewardOrder>(text);
    round_trip<wire::WardenOrder>(text);
    auto packet = wire::open_keeper_packet(text);
    if (!packet) return 0;
    round_trip<wire::StewardHello>(packet->body);
    round_trip<wire::WardenHello>(packet->body);
    round_trip<wire::Move>(packet->body);
    round_trip<wire::MoveDone>(packet->body);
    round_trip<wire::StewardState>(packet->body);
    round_trip<wire::WardenState>(packet->body);
    round_trip<wire::TraceReply>(packet->body);
    round_trip<wire::Born>(packet->body);
    round_trip<wire::Priorities>(packet->body);
    round_trip<wire::Again>(packet->body);
    round_trip<wire::LookOrder>(packet->body);
    return 0;
}
