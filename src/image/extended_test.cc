// SPDX-License-Identifier: Apache-2.0
#include "image/extended.hh"

#include <cstring>
#include <gtest/gtest.h>

namespace rove::image {
namespace {

constexpr uint64_t x87_sse = 3, avx = 4, avx512 = 0xe0, keys = 0x200;

// As processors of those makers have them.
XsaveFormat const haswell{832, x87_sse | avx, {0, 0, 576}};
XsaveFormat const xeon{
    2696, x87_sse | avx | avx512 | keys, {0, 0, 576, 0, 0, 1088, 1152, 1664, 0, 2688}};
XsaveFormat const epyc{2432, x87_sse | avx | avx512, {0, 0, 576, 0, 0, 832, 896, 1408}};

std::string area_of(XsaveFormat const& format, uint64_t in_use) {
    std::string area(format.size, '\0');
    std::memcpy(area.data() + 512, &in_use, 8);
    return area;
}
void put(std::string& area, XsaveFormat const& format, unsigned component, std::string_view text) {
    area.replace(format.offsets[component], text.size(), text);
}
std::string get(std::string const& area, XsaveFormat const& format, unsigned component, size_t n) {
    return area.substr(format.offsets[component], n);
}
uint64_t in_use(std::string const& area) {
    uint64_t bits = 0;
    std::memcpy(&bits, area.data() + 512, 8);
    return bits;
}
Result<std::string> carry(std::string const& area, XsaveFormat const& from, XsaveFormat const& to) {
    auto packed = TRY(pack_area(as_bytes(area), from));
    return unpack_area(as_bytes(packed), to);
}

TEST(Extended, comes_to_the_places_of_the_other_machine) {
    auto area = area_of(epyc, x87_sse | avx | avx512);
    area.replace(160, 4, "xmm0");
    for (unsigned component : {2u, 5u, 6u, 7u})
        put(area, epyc, component, "part" + std::to_string(component));
    auto there = carry(area, epyc, xeon);
    ASSERT_TRUE(there) << there.error().sentence();
    EXPECT_EQ(there->size(), xeon.size);
    EXPECT_EQ(there->substr(160, 4), "xmm0");
    for (unsigned component : {2u, 5u, 6u, 7u})
        EXPECT_EQ(get(*there, xeon, component, 5), "part" + std::to_string(component));
    auto back = carry(*there, xeon, epyc);
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, area);
}

TEST(Extended, what_is_not_in_use_is_not_missed) {
    auto area = area_of(epyc, x87_sse | avx);
    put(area, epyc, 2, "ymm");
    put(area, epyc, 7, "old and meaningless");
    auto there = carry(area, epyc, haswell);
    ASSERT_TRUE(there);
    EXPECT_EQ(there->size(), haswell.size);
    EXPECT_EQ(get(*there, haswell, 2, 3), "ymm");
    auto back = carry(*there, haswell, epyc);
    ASSERT_TRUE(back);
    EXPECT_EQ(in_use(*back), x87_sse | avx);
    EXPECT_EQ(get(*back, epyc, 7, 3), std::string(3, '\0'));
}

TEST(Extended, what_is_in_use_and_missing_is_refused) {
    auto there = carry(area_of(epyc, x87_sse | 0x40), epyc, haswell);
    ASSERT_FALSE(there);
    EXPECT_EQ(there.error().code, ENOTSUP);
    // AMX tiles cannot travel at all.
    XsaveFormat tiles = xeon;
    tiles.features |= 1u << 17;
    EXPECT_EQ(pack_area(as_bytes(area_of(tiles, 1u << 17)), tiles).error().code, ENOTSUP);
}

TEST(Extended, protection_keys_are_as_linux_begins_where_they_were_missing) {
    constexpr uint32_t first = 0x55555554;
    std::string const first_text(reinterpret_cast<char const*>(&first), 4);
    auto area = area_of(xeon, x87_sse | keys);
    put(area, xeon, 9, first_text);
    auto there = carry(area, xeon, haswell);
    ASSERT_TRUE(there);
    EXPECT_EQ(in_use(*there), x87_sse);
    auto back = carry(*there, haswell, xeon);
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, area);
    // A program that has opened all keys needs them.
    EXPECT_FALSE(carry(area_of(xeon, x87_sse), xeon, haswell));
    auto open = carry(area_of(xeon, x87_sse), xeon, xeon);
    ASSERT_TRUE(open);
    EXPECT_EQ(get(*open, xeon, 9, 4), std::string(4, '\0'));
}

TEST(Extended, hostile_bytes_are_refused) {
    auto packed = *pack_area(as_bytes(area_of(epyc, x87_sse | avx)), epyc);
    EXPECT_TRUE(unpack_area(as_bytes(packed), epyc));
    EXPECT_FALSE(unpack_area(as_bytes(packed + "x"), epyc));
    for (size_t size : {size_t{0}, size_t{575}, size_t{576}, packed.size() - 1})
        EXPECT_FALSE(unpack_area(as_bytes(packed.substr(0, size)), epyc)) << size;
    packed[512 + 7] = '\x7f';
    EXPECT_EQ(unpack_area(as_bytes(packed), epyc).error().code, EBADMSG);
}

} // namespace
} // namespace rove::image
