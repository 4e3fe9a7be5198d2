// SPDX-License-Identifier: Apache-2.0
// Fuzz target: what a warden may say to a steward, and the layouts and frames in it.
// uses: image base wire
#include <cstdlib>

#include "image/frame.hh"
#include "image/layout.hh"
#include "round_trip.hh"
#include "wire/session.hh"

using namespace rove;

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    std::string_view text(reinterpret_cast<char const*>(bytes), size);
    round_trip<wire::ClockReading>(text);
    round_trip<wire::Prepare>(text);
    round_trip<wire::SegmentsWanted>(text);
    round_trip<wire::SegmentBytes>(text);
    round_trip<wire::ProcessState>(text);
    round_trip<wire::SendPages>(text);
    round_trip<wire::Scanned>(text);
    round_trip<wire::Pages>(text);
    round_trip<wire::Prepared>(text);
    round_trip<wire::Keep>(text);
    round_trip<wire::SpareOffer>(text);
    round_trip<wire::FileWanted>(text);
    round_trip<wire::FileFound>(text);
    round_trip<wire::BytesWanted>(text);
    round_trip<wire::CommonsWanted>(text);
    round_trip<wire::LateBytes>(text);
    round_trip<wire::GuestTally>(text);
    round_trip<wire::Trouble>(text);
    (void)image::parse_maps(text);
    auto format = image::machine_format();
    if (auto parts = image::parse_frame(0x7008, ByteView(bytes, size), format))
        if (!image::build_frame(0x7008, *parts, format)) std::abort();
    auto parked = wire::decode<wire::Parked>(text);
    if (!parked) return 0;
    (void)image::check_vmas(parked->layout.vmas, 0x2000'0000'0000, parked->layout.segments.size());
    for (auto const& thread : parked->state.threads)
        if (auto area = image::unpack_area(as_bytes(thread.xsave), format)) {
            if (!image::pack_area(as_bytes(*area), format)) std::abort();
            (void)image::build_frame(0x7008, {thread.registers, std::move(*area), 0}, format);
        }
    return 0;
}
