// SPDX-License-Identifier: Apache-2.0
// Tests of the keys that stewards remember together, with real files.
#include "migrate/remembered_keys.hh"

#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/testing/directory.hh"
#include "sys/files.hh"

namespace rove::migrate {
namespace {

constexpr wire::SegmentKey key{1, 2, 4096};

struct RememberedKeysTest : testing::Test {
    TestDirectory directory;
    std::string const path = directory / "keys";
    // Nobody has changed it for long, and nobody executes it.
    Fd file = *sys::open("/usr/lib/os-release", O_RDONLY);
    struct stat status = *sys::fstat(file.number());

    void SetUp() override {
        struct statfs system {};
        if (::fstatfs(file.number(), &system) != 0 || system.f_type != 0xef53 || ::geteuid() != 0)
            GTEST_SKIP() << "this is not on a file system of which keys are remembered";
    }
    void remember() { RememberedKeys(path).add(file.number(), status, 0, key); }
    std::optional<wire::SegmentKey> found(uint64_t offset = 0, uint64_t length = 4096) {
        return RememberedKeys(path).find(file.number(), offset, length);
    }
};

TEST_F(RememberedKeysTest, one_tells_another) {
    EXPECT_FALSE(found());
    remember();
    EXPECT_EQ(found(), key);
    EXPECT_FALSE(found(4096));
    EXPECT_FALSE(found(0, 8192));
    EXPECT_FALSE(RememberedKeys().find(file.number(), 0, 4096));
}
TEST_F(RememberedKeysTest, what_has_changed_since_is_not_known) {
    status.st_ctim.tv_sec -= 1;
    remember();
    EXPECT_FALSE(found());
}
TEST_F(RememberedKeysTest, what_is_new_is_not_remembered) {
    ASSERT_TRUE(sys::write_file(directory / "new", std::string(4096, 'x')));
    Fd fresh = *sys::open(directory / "new", O_RDONLY);
    RememberedKeys keys(path);
    keys.add(fresh.number(), *sys::fstat(fresh.number()), 0, key);
    EXPECT_FALSE(keys.find(fresh.number(), 0, 4096));
}
TEST_F(RememberedKeysTest, what_somebody_may_write_is_not_believed) {
    remember();
    Fd writer = *sys::open("/usr/lib/os-release", O_RDWR);
    EXPECT_FALSE(found());
    writer.close();
    EXPECT_EQ(found(), key);
}
TEST_F(RememberedKeysTest, a_file_of_something_else_is_as_good_as_an_empty_one) {
    for (size_t size : {1u, 63u, 64u, 65u, 640u}) {
        ASSERT_TRUE(sys::write_file(path, std::string(size, 'x')));
        EXPECT_FALSE(found()) << size;
        remember();
        EXPECT_EQ(found(), key) << size;
    }
}
TEST_F(RememberedKeysTest, it_does_not_grow_for_ever) {
    RememberedKeys keys(path);
    for (uint64_t offset = 0; offset < 5000 * 4096; offset += 4096)
        keys.add(file.number(), status, offset, key);
    EXPECT_LE(sys::fstat(sys::open(path, O_RDONLY)->number())->st_size, 4096 * 64);
    EXPECT_EQ(found(4999 * 4096), key);
}

} // namespace
} // namespace rove::migrate
