// SPDX-License-Identifier: Apache-2.0
#include "image/maps.hh"

#include <gtest/gtest.h>
#include <sys/mman.h>

namespace rove::image {
namespace {

TEST(Maps, reads_headings_and_flags) {
    auto maps =
        parse_maps("00400000-00452000 r-xp 00001000 08:02 173521      /usr/bin/a name with blanks\n"
                   "Size:                 328 kB\n"
                   "VmFlags: rd ex mr mw me dw \n"
                   "7ffc0000-7ffd0000 rw-s 00000000 00:00 0 [stack]\n"
                   "VmFlags: rd wr gd\n");
    ASSERT_TRUE(maps);
    ASSERT_EQ(maps->size(), 2u);
    EXPECT_EQ((*maps)[0].start, 0x400000u);
    EXPECT_EQ((*maps)[0].prot, PROT_READ | PROT_EXEC);
    EXPECT_EQ((*maps)[0].device_minor, 2u);
    EXPECT_EQ((*maps)[0].inode, 173521u);
    EXPECT_EQ((*maps)[0].path, "/usr/bin/a name with blanks");
    EXPECT_TRUE((*maps)[0].has("ex"));
    EXPECT_FALSE((*maps)[0].has("gd"));
    EXPECT_TRUE((*maps)[1].shared);
    EXPECT_TRUE((*maps)[1].has("gd"));
}

TEST(Maps, refuses_what_is_no_list_of_mappings) {
    EXPECT_FALSE(parse_maps("2000-1000 r-xp 0 00:00 0\n"));
    EXPECT_FALSE(parse_maps("1000-2000 r-xp\n"));
    EXPECT_FALSE(parse_maps("1000-zz r-xp 0 00:00 0\n"));
    EXPECT_FALSE(parse_maps("3000-4000 r-xp 0 00:00 0\n1000-2000 r-xp 0 00:00 0\n"));
    EXPECT_TRUE(parse_maps("")->empty());
}

TEST(Maps, flags_are_carried_only_from_the_same_mappings) {
    auto before = *parse_maps("1000-2000 rw-p 00000000 00:00 0\nVmFlags: rd wr dc\n"
                              "4000-6000 r--p 00000000 00:00 0\nVmFlags: rd\n");
    auto same = *parse_maps("1000-2000 rw-p 00000000 00:00 0\n4000-6000 r--p 00000000 00:00 0\n");
    EXPECT_TRUE(carry_flags(same, before));
    EXPECT_TRUE(same[0].has("dc"));
    EXPECT_FALSE(same[1].has("dc"));
    for (char const* other : {"1000-3000 rw-p 00000000 00:00 0\n",
             "1000-2000 r--p 00000000 00:00 0\n", "2000-4000 rw-p 00000000 00:00 0\n",
             "7000-8000 rw-p 00000000 00:00 0\n", "1000-2000 rw-p 00000000 00:00 0 [heap]\n"}) {
        auto now = *parse_maps(other);
        EXPECT_FALSE(carry_flags(now, before)) << other;
    }
}

} // namespace
} // namespace rove::image
