// SPDX-License-Identifier: Apache-2.0
// What a guest process finds: no files, no network, its own PID, home's clocks.
#include "sandbox/guest_process.hh"

#include <gtest/gtest.h>

#include <dirent.h>
#include <ifaddrs.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/user_namespace.hh"
#include "sys/files.hh"

namespace rove::sandbox {
namespace {

struct Report {
    int pid = 0, entries = -1, devices = -1, writable = 1, outside = 1;
    long ahead_ms = 0;
    int descriptors = 0;
};

void look_around(int report_fd, Nanos expected_offset, Nanos host_now) {
    Report report;
    report.pid = getpid();
    report.ahead_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
        monotonic_now() - host_now - expected_offset)
                          .count();
    if (DIR* root = opendir("/")) {
        report.entries = 0;
        while (dirent const* entry = readdir(root))
            if (entry->d_name[0] != '.') ++report.entries;
        closedir(root);
    }
    report.writable = open("/x", O_CREAT | O_RDWR, 0600) >= 0;
    report.outside = access("/proc/self", F_OK) == 0 || access("/../etc", F_OK) == 0;
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) == 0) {
        report.devices = 0;
        for (auto* at = list; at; at = at->ifa_next)
            if (at->ifa_flags & 1 /* up */) ++report.devices;
    }
    for (int fd = 0; fd < 100; ++fd)
        report.descriptors += fcntl(fd, F_GETFD) >= 0;
    (void)!write(report_fd, &report, sizeof report);
}

Report expect_nothing_seen(Fd const& reader) {
    Report report;
    EXPECT_EQ(read(reader.number(), &report, sizeof report), static_cast<ssize_t>(sizeof report));
    EXPECT_EQ(report.entries, 0);
    EXPECT_EQ(report.writable, 0);
    EXPECT_EQ(report.outside, 0);
    EXPECT_EQ(report.devices, 0);
    EXPECT_EQ(report.descriptors, 1);
    return report;
}

TEST(GuestProcess, sees_nothing_of_the_host) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    auto pipe = sys::pipe();
    ASSERT_TRUE(pipe);
    auto warden = start_in_namespaces(0, 0, [&](pid_t) -> int {
        constexpr Nanos ahead = std::chrono::hours(100);
        Nanos now = monotonic_now();
        if (!set_clocks(ahead, ahead)) return 1;
        auto guest = clone_guest(4321, {}, [&] {
            if (!leave_host_files()) _exit(2);
            if (!keep_only_descriptors({{pipe->writer.number(), 20}})) _exit(3);
            look_around(20, ahead, now);
            _exit(0);
        });
        if (!guest) return 1;
        int status = 0;
        waitpid(guest->pid, &status, 0);
        return WEXITSTATUS(status);
    });
    ASSERT_TRUE(warden) << warden.error().detail();
    int status = 0;
    ASSERT_EQ(waitpid(*warden, &status, 0), *warden);
    EXPECT_EQ(status, 0);
    Report report = expect_nothing_seen(pipe->reader);
    EXPECT_EQ(report.pid, 4321);
    EXPECT_GE(report.ahead_ms, 0);
    EXPECT_LT(report.ahead_ms, 5000);
}

pid_t outside_pid(Newborn const& guest) {
    auto about = sys::read_file(fmt::format("/proc/self/fdinfo/{}", guest.pidfd.number()));
    size_t line = about ? about->find("Pid:") : std::string::npos;
    return line == std::string::npos ? 0 : atoi(about->c_str() + line + 4);
}

// The first one is kept in its namespaces until the second has looked around in them.
TEST(GuestProcess, a_second_one_in_the_same_namespaces_sees_nothing_either) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    auto report_pipe = sys::pipe(), ready = sys::pipe(), hold = sys::pipe();
    ASSERT_TRUE(report_pipe && ready && hold);
    auto warden = start_in_namespaces(0, 0, [&](pid_t) -> int {
        if (!set_clocks(Nanos(0), Nanos(0))) return 1;
        Nanos now = monotonic_now();
        char byte = 'x';
        auto first = clone_guest(4321, {}, [&] {
            if (!leave_host_files()) _exit(2);
            if (write(ready->writer.number(), &byte, 1) != 1) _exit(3);
            hold->writer.close();
            (void)!read(hold->reader.number(), &byte, 1);
            _exit(0);
        });
        if (!first || read(ready->reader.number(), &byte, 1) != 1) return 4;
        auto kept = kept_namespaces(outside_pid(*first));
        if (!kept) return 5;
        auto second = clone_guest(4322, *kept, [&] {
            if (!keep_only_descriptors({{report_pipe->writer.number(), 20}})) _exit(6);
            look_around(20, Nanos(0), now);
            _exit(0);
        });
        if (!second) return 7;
        int status = 0;
        if (waitpid(second->pid, &status, 0) != second->pid || status != 0)
            return 100 + WEXITSTATUS(status);
        hold->writer.close();
        return waitpid(first->pid, &status, 0) == first->pid ? WEXITSTATUS(status) : 8;
    });
    ASSERT_TRUE(warden) << warden.error().detail();
    hold->writer.close();
    int status = 0;
    ASSERT_EQ(waitpid(*warden, &status, 0), *warden);
    EXPECT_EQ(status, 0) << WEXITSTATUS(status);
    Report report = expect_nothing_seen(report_pipe->reader);
    EXPECT_EQ(report.pid, 4322);
}

} // namespace
} // namespace rove::sandbox
