// SPDX-License-Identifier: Apache-2.0
#include "image/frame.hh"

#include <cstring>
#include <gtest/gtest.h>

namespace rove::image {
namespace {

FrameParts some_parts(XsaveFormat const& format) {
    FrameParts parts;
    for (uint64_t i = 0; i < greg_count; ++i)
        parts.registers.push_back(i * 0x101);
    parts.registers[greg_flags] = 0x246;
    parts.registers[greg_segments] = 0x002b000000000033;
    parts.xsave.assign(format.size, '\0');
    parts.xsave[512] = 3; // x87 and SSE
    parts.mask = 0x1234;
    return parts;
}

TEST(Frame, comes_back_as_it_was_built) {
    auto format = machine_format();
    auto parts = some_parts(format);
    for (uint64_t area : {0x7000ull, 0x7008ull, 0x7037ull}) {
        uint64_t at = frame_address(area);
        EXPECT_EQ(at % 16, 8u);
        auto bytes = build_frame(at, parts, format);
        ASSERT_TRUE(bytes);
        EXPECT_LE(bytes->size(), frame_size(format));
        auto back = parse_frame(at, as_bytes(*bytes), format);
        ASSERT_TRUE(back) << back.error().sentence();
        EXPECT_EQ(back->registers, parts.registers);
        EXPECT_EQ(back->mask, parts.mask);
        EXPECT_EQ(back->xsave.substr(512, 64), parts.xsave.substr(512, 64));
    }
}

TEST(Frame, refuses_state_that_the_processor_would_refuse) {
    auto format = machine_format();
    auto parts = some_parts(format);
    parts.xsave[512 + 7] = '\x7f'; // features that do not exist
    EXPECT_FALSE(build_frame(0x7008, parts, format));
    parts = some_parts(format);
    parts.xsave[520] = 1; // compacted format
    EXPECT_FALSE(build_frame(0x7008, parts, format));
    parts = some_parts(format);
    parts.xsave[27] = 1; // MXCSR
    EXPECT_FALSE(build_frame(0x7008, parts, format));
    parts = some_parts(format);
    parts.registers.pop_back();
    EXPECT_FALSE(build_frame(0x7008, parts, format));
}

TEST(Frame, refuses_a_frame_whose_extended_state_lies_elsewhere) {
    auto format = machine_format();
    auto bytes = build_frame(0x7008, some_parts(format), format);
    ASSERT_TRUE(bytes);
    for (uint64_t pointer :
        {uint64_t{0}, uint64_t{0x7000}, ~uint64_t{63}, uint64_t{0x7008 + 100000}}) {
        std::string changed = *bytes;
        std::memcpy(changed.data() + 8 + 40 + 23 * 8, &pointer, 8);
        EXPECT_FALSE(parse_frame(0x7008, as_bytes(changed), format));
    }
    EXPECT_FALSE(parse_frame(0x7008, as_bytes(std::string_view(*bytes).substr(0, 600)), format));
}

} // namespace
} // namespace rove::image
