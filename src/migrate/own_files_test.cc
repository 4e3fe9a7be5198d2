// SPDX-License-Identifier: Apache-2.0
#include "migrate/own_files.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.hh"
#include "image/layout.hh"
#include "sys/files.hh"
#include "tracee/proc.hh"

namespace rove::migrate {
namespace {

class OwnFilesTest : public testing::Test {
protected:
    void SetUp() override {
        path_ = testing::TempDir() + "own-" + std::to_string(getpid());
        one_.file = Fd(open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        ASSERT_TRUE(one_.file);
        ASSERT_EQ(pwrite(one_.file.number(), bytes_.data(), bytes_.size(), 0),
            static_cast<ssize_t>(bytes_.size()));
        one_.key.length = bytes_.size();
    }
    void TearDown() override { unlink(path_.c_str()); }

    timespec changed() const {
        struct stat status {};
        EXPECT_EQ(fstat(one_.file.number(), &status), 0);
        return status.st_mtim;
    }

    std::string path_, bytes_ = std::string(4096, 'a') + std::string(4096, 'b') + "the rest";
    OwnFiles::One one_;
};

TEST_F(OwnFilesTest, what_is_the_same_is_not_written) {
    timespec old[2] = {{1000, 0}, {1000, 0}};
    ASSERT_EQ(futimens(one_.file.number(), old), 0);
    ASSERT_TRUE(OwnFiles::write(one_, as_bytes(bytes_), 0));
    EXPECT_EQ(changed().tv_sec, 1000);
    std::string other = bytes_;
    other[5000] = 'c';
    other.back() = '!';
    ASSERT_TRUE(OwnFiles::write(one_, as_bytes(other), 0));
    EXPECT_NE(changed().tv_sec, 1000);
    EXPECT_EQ(OwnFiles::read(one_, 0).value_or(""), other);
    EXPECT_EQ(OwnFiles::read(one_, other.size()).value_or("none"), "");
}

TEST_F(OwnFilesTest, a_file_that_was_cut_off_does_not_grow_again) {
    std::string other(bytes_.size(), 'x');
    ASSERT_EQ(ftruncate(one_.file.number(), 5000), 0);
    ASSERT_TRUE(OwnFiles::write(one_, as_bytes(other), 0));
    struct stat status {};
    ASSERT_EQ(fstat(one_.file.number(), &status), 0);
    EXPECT_EQ(status.st_size, 5000);
    EXPECT_FALSE(OwnFiles::read(one_, 0));
}

TEST_F(OwnFilesTest, who_has_it_open_is_told_before_anything_stands_still) {
    void* at = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, one_.file.number(), 0);
    ASSERT_NE(at, MAP_FAILED);
    auto mapping_of = [&] {
        auto mappings = tracee::whole_mappings(getpid(), "smaps");
        EXPECT_TRUE(mappings);
        for (auto const& each : mappings.value_or(std::vector<image::Mapping>()))
            if (each.start == reinterpret_cast<uint64_t>(at)) return each;
        return image::Mapping();
    };
    auto mapping = mapping_of();
    EXPECT_TRUE(image::is_written_file(mapping));
    Refusal refusal;
    EXPECT_FALSE(check_written_file(getpid(), mapping, refusal));
    EXPECT_EQ(refusal.word, "shared_writable_memory");
    one_.file.close();
    EXPECT_TRUE(check_written_file(getpid(), mapping, refusal));
    ASSERT_EQ(madvise(at, 8192, MADV_DONTFORK), 0);
    EXPECT_FALSE(check_written_file(getpid(), mapping_of(), refusal));
    munmap(at, 8192);
}

} // namespace
} // namespace rove::migrate
