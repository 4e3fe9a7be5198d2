// SPDX-License-Identifier: Apache-2.0
// Tests of where a report may go: files, links, pipes with and without a reader, descriptors.
#include "base/testing/directory.hh"
#include "node/report.hh"

#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "sys/files.hh"
#include "sys/process.hh"

namespace rove::node {
namespace {

struct ReportTest : testing::Test {
    ReportTest() {
        program->uid = ::geteuid();
        program->gid = ::getegid();
        program->ending.exit_status = 3;
    }
    ~ReportTest() override { await_children(); }
    static void await_children() {
        while (::waitpid(-1, nullptr, 0) > 0) {
        }
    }
    using Act = Task<Status> (*)(asio::io_context&, std::shared_ptr<Program>);
    // The longest time that the loop stood still is kept.
    Status run(Act act, std::string const& path) {
        program->wish.report = path;
        std::optional<Status> done;
        start(io, [](ReportTest& test, Act what, std::optional<Status>& said) -> Task<> {
            said = co_await what(test.io, test.program);
        }(*this, act, done));
        while (!done) {
            Nanos before = monotonic_now();
            io.run_one_for(std::chrono::milliseconds(10));
            stood_still = std::max(stood_still, monotonic_now() - before);
        }
        return *done;
    }
    std::string path(std::string const& name) const { return directory / name; }
    static int64_t status_in(std::string const& text) {
        boost::json::error_code wrong;
        auto value = boost::json::parse(text, wrong);
        return wrong ? -1 : value.at("exit_status").to_number<int64_t>();
    }
    TestDirectory directory;
    asio::io_context io{1};
    asio::executor_work_guard<asio::io_context::executor_type> busy = asio::make_work_guard(io);
    std::shared_ptr<Program> program = std::make_shared<Program>();
    Nanos stood_still{};
};

TEST_F(ReportTest, a_file_is_replaced_and_a_link_followed) {
    EXPECT_TRUE(run(check_report, path("new")));
    EXPECT_FALSE(sys::exists(path("new")));
    EXPECT_TRUE(run(write_report, path("new")));
    EXPECT_EQ(status_in(*sys::read_file(path("new"))), 3);
    ASSERT_EQ(::symlink("new", path("link").c_str()), 0);
    program->ending.exit_status = 4;
    EXPECT_TRUE(run(write_report, path("link")));
    EXPECT_EQ(status_in(*sys::read_file(path("new"))), 4);
    EXPECT_TRUE(sys::read_link(path("link")));
}

TEST_F(ReportTest, what_is_no_place_for_it_is_refused_before) {
    EXPECT_FALSE(run(check_report, directory.path()));
    EXPECT_FALSE(run(check_report, path("nowhere/at/all")));
    EXPECT_FALSE(run(check_report, "/" + std::string(1 << 20, 'x')));
    EXPECT_FALSE(run(check_report, path(std::string("a\0b", 3))));
    EXPECT_TRUE(run(check_report, "/dev/null"));
    EXPECT_TRUE(run(write_report, "/dev/null"));
    struct stat null {};
    EXPECT_TRUE(::stat("/dev/null", &null) == 0 && S_ISCHR(null.st_mode)) << "still that";
}

TEST_F(ReportTest, a_pipe_that_nobody_reads_holds_nobody_up) {
    ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0600), 0);
    EXPECT_TRUE(run(check_report, path("fifo")));
    EXPECT_FALSE(run(write_report, path("fifo")));
    // One that is full, and one that is read.
    Fd reader(::open(path("fifo").c_str(), O_RDWR | O_NONBLOCK));
    std::string much(1 << 20, 'x');
    ASSERT_GT(::write(reader.number(), much.data(), much.size()), 0);
    EXPECT_FALSE(run(write_report, path("fifo")));
    await_children(); // killed, but there may be room before it knows
    while (::read(reader.number(), much.data(), much.size()) > 0) {
    }
    EXPECT_TRUE(run(write_report, path("fifo")));
    char text[4096] = {};
    EXPECT_GT(::read(reader.number(), text, sizeof text - 1), 0);
    EXPECT_EQ(status_in(text), 3);
    EXPECT_LT(stood_still, std::chrono::milliseconds(1000));
}

TEST_F(ReportTest, descriptors_are_those_of_the_process) {
    EXPECT_EQ(descriptor_named("/dev/stderr"), 2);
    EXPECT_EQ(descriptor_named("/dev/fd/63"), 63);
    EXPECT_EQ(descriptor_named("/proc/self/fd/5"), 5);
    for (char const* other :
        {"/dev/fd", "/dev/fd/", "/dev/fd/x", "/dev/fd/-1", "/dev/fd/3/y", "/tmp/stdout"})
        EXPECT_EQ(descriptor_named(other), std::nullopt) << other;

    auto pipe = sys::pipe();
    ASSERT_TRUE(pipe);
    program->root_pidfd = *sys::pidfd_open(::getpid());
    program->wish.report = fmt::format("/dev/fd/{}", pipe->reader.number());
    EXPECT_FALSE(take_report_descriptor(*program)) << "it is for reading";
    program->wish.report = fmt::format("/dev/fd/{}", pipe->writer.number());
    EXPECT_FALSE(run(write_report, program->wish.report)) << "never our own of that number";
    ASSERT_TRUE(take_report_descriptor(*program));
    pipe->writer.close();
    EXPECT_TRUE(run(check_report, program->wish.report));
    EXPECT_TRUE(run(write_report, program->wish.report));
    auto text = sys::read_rest(pipe->reader.number());
    ASSERT_TRUE(text);
    EXPECT_EQ(status_in(*text), 3) << "and then it is closed";
}

} // namespace
} // namespace rove::node
