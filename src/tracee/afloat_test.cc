// SPDX-License-Identifier: Apache-2.0
#include "tracee/afloat.hh"

#include <gtest/gtest.h>

#include <csignal>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tracee/proc.hh"

namespace rove::tracee {
namespace {

// A child that counts, and has been stopped.
class AfloatTest : public testing::Test {
protected:
    void SetUp() override {
        count_ = static_cast<uint64_t volatile*>(
            ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
        child_ = ::fork();
        if (child_ == 0) {
            (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;)
                *count_ = *count_ + 1;
        }
        ASSERT_EQ(::kill(child_, SIGSTOP), 0);
        int status = 0;
        ASSERT_EQ(::waitpid(child_, &status, WUNTRACED), child_);
        ASSERT_TRUE(WIFSTOPPED(status));
    }
    void TearDown() override {
        (void)::kill(child_, SIGKILL);
        (void)::waitpid(child_, nullptr, 0);
    }
    // Whether it has counted on within that time.
    bool counts(Nanos patience, Afloat* afloat = nullptr) const {
        uint64_t then = *count_;
        Deadline deadline = Deadline::after(patience);
        while (*count_ == then && !deadline.passed()) {
            if (afloat != nullptr) afloat->look_after();
            ::usleep(1000);
        }
        return *count_ != then;
    }
    // What its parent is told.
    int told() const {
        int status = 0;
        return ::waitpid(child_, &status, WNOHANG | WUNTRACED | WCONTINUED) == 0 ? 0 : status;
    }
    char state() const { return read_stat(child_).value().state; }

    static constexpr Nanos moment = std::chrono::milliseconds(20),
                           long_time = std::chrono::seconds(20);
    pid_t child_ = 0;
    uint64_t volatile* count_ = nullptr;
};

TEST_F(AfloatTest, RunsAndIsStoppedAfterwards) {
    ASSERT_FALSE(counts(moment));
    {
        auto held = Tracee::seize(child_);
        ASSERT_TRUE(held);
        EXPECT_TRUE(held->leader().group_stopped);
        Afloat afloat(std::move(*held));
        EXPECT_TRUE(counts(long_time, &afloat));
        auto one = afloat.hold(child_, long_time);
        ASSERT_TRUE(one);
        EXPECT_FALSE(counts(moment, &afloat));
        afloat.put_back(std::move(*one));
        EXPECT_TRUE(counts(long_time, &afloat));
    }
    EXPECT_EQ(state(), 'T');
    EXPECT_FALSE(counts(moment));
    EXPECT_EQ(told(), 0);
    ASSERT_EQ(::kill(child_, SIGCONT), 0);
    EXPECT_TRUE(counts(long_time));
}

TEST_F(AfloatTest, KeepsWhatWouldEndItUntilItGoesOn) {
    for (int signal : {SIGTERM, SIGRTMIN})
        ASSERT_EQ(::kill(child_, signal), 0);
    {
        auto held = Tracee::seize(child_);
        ASSERT_TRUE(held);
        Afloat afloat(std::move(*held));
        EXPECT_TRUE(counts(long_time, &afloat));
        EXPECT_TRUE(counts(long_time, &afloat));
    }
    EXPECT_EQ(state(), 'T');
    EXPECT_EQ(told(), 0);
    ASSERT_EQ(::kill(child_, SIGCONT), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child_, &status, 0), child_);
    EXPECT_TRUE(WIFSIGNALED(status));
}

TEST_F(AfloatTest, GoesOnIfItMayMeanwhile) {
    {
        auto held = Tracee::seize(child_);
        ASSERT_TRUE(held);
        Afloat afloat(std::move(*held));
        ASSERT_EQ(::kill(child_, SIGCONT), 0);
        afloat.look_after();
    }
    EXPECT_TRUE(counts(long_time));
    EXPECT_TRUE(WIFCONTINUED(told()));
}

TEST_F(AfloatTest, LetsOutWhatIsOutside) {
    auto held = Tracee::seize(child_);
    ASSERT_TRUE(held);
    Afloat afloat(std::move(*held));
    afloat.let_out(1, 2); // it stands outside of that
    EXPECT_TRUE(afloat.empty());
    Deadline deadline = Deadline::after(long_time);
    while (state() != 'T' && !deadline.passed())
        ::usleep(1000);
    EXPECT_FALSE(counts(moment));
}

} // namespace
} // namespace rove::tracee
