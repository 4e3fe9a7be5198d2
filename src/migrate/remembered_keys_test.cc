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
    std::string const path = directory / "keys", text = directory / "text";
    Fd file;

    void SetUp() override {
        ASSERT_TRUE(sys::write_file(text, std::string(8192, 'x')));
        file = *sys::open(text, O_RDONLY);
        struct statfs system {};
        if (::fstatfs(file.number(), &system) != 0 || system.f_type != 0xef53)
            GTEST_SKIP() << "this is not on a file system of which keys are remembered";
    }
    // By another steward each time.
    RememberedKeys keys() const { return RememberedKeys(path, Nanos(0)); }
    struct stat status() const {
        return *sys::fstat(file.number());
    }
    void remember() { keys().add(file.number(), status(), 0, key); }
    std::optional<wire::SegmentKey> found(uint64_t offset = 0, uint64_t length = 4096) {
        return keys().find(file.number(), offset, length);
    }
    // Until the file system's clock has gone on.
    void change() {
        auto before = status().st_ctim;
        Fd writer = *sys::open(text, O_RDWR);
        do {
            ASSERT_EQ(::pwrite(writer.number(), "y", 1, 0), 1);
        } while (status().st_ctim.tv_nsec == before.tv_nsec);
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
    remember();
    change();
    EXPECT_FALSE(found());
    remember();
    EXPECT_EQ(found(), key);
}
TEST_F(RememberedKeysTest, what_changes_while_it_is_hashed_is_not_remembered) {
    auto before = status();
    change();
    keys().add(file.number(), before, 0, key);
    EXPECT_FALSE(found());
}
TEST_F(RememberedKeysTest, what_is_new_is_not_remembered) {
    RememberedKeys(path).add(file.number(), status(), 0, key);
    EXPECT_FALSE(found());
}
TEST_F(RememberedKeysTest, what_somebody_may_write_is_neither_believed_nor_remembered) {
    Fd writer = *sys::open(text, O_RDWR);
    remember();
    EXPECT_FALSE(sys::open(path, O_RDONLY));
    writer.close();
    remember();
    writer = *sys::open(text, O_RDWR);
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
    RememberedKeys all = keys();
    for (uint64_t offset = 0; offset < 5000 * 4096; offset += 4096)
        all.add(file.number(), status(), offset, key);
    EXPECT_LE(sys::fstat(sys::open(path, O_RDONLY)->number())->st_size, 4096 * 64);
    EXPECT_EQ(found(4999 * 4096), key);
}

} // namespace
} // namespace rove::migrate
