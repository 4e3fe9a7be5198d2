// SPDX-License-Identifier: Apache-2.0
// Report: the object and its file.
#include "node/report.hh"

#include <boost/json/serialize.hpp>

#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/files.hh"
#include "sys/process.hh"

namespace rove::node {

namespace json = boost::json;

json::object report_of(Program const& program) {
    ProgramSums const& sums = program.sums;
    json::object came_home;
    for (auto const& [reason, count] : sums.came_home)
        came_home[reason] = count;
    auto or_null = [](std::optional<int> value) {
        return value ? json::value(*value) : json::value();
    };
    return {{"exit_status", or_null(program.ending.exit_status)},
        {"signal", or_null(program.ending.signal)}, {"moves", sums.moves},
        {"seconds_home", sums.seconds_home}, {"seconds_away", sums.seconds_away},
        {"forwarded_calls", sums.forwarded}, {"local_calls", sums.local},
        {"bytes_moved", sums.bytes},
        {"freeze_ms_max", static_cast<double>(sums.freeze_us_max) / 1000},
        {"came_home", came_home}};
}

namespace {
template <class Act> Status as_user(Program const& program, Act act) {
    bool other = program.uid != ::geteuid();
    auto child = TRY(sys::fork_running([&]() -> int {
        if (other) {
            if (::setgroups(program.groups.size(), program.groups.data()) < 0) return 1;
            if (::setresgid(program.gid, program.gid, program.gid) < 0) return 1;
            if (::setresuid(program.uid, program.uid, program.uid) < 0) return 1;
        }
        return act() ? 0 : 2;
    }));
    auto ending = sys::wait(child.pid);
    if (ending && (ending->code != 0 || ending->signal != 0))
        return deny(EACCES, "its user cannot write the report {}", program.wish.report);
    return {};
}
} // namespace

Status check_report(Program const& program) {
    std::string const& path = program.wish.report;
    return as_user(program, [&] {
        struct stat there {};
        if (::stat(path.c_str(), &there) == 0)
            return !S_ISDIR(there.st_mode) && ::access(path.c_str(), W_OK) == 0;
        return ::access(path.substr(0, path.rfind('/') + 1).c_str(), W_OK | X_OK) == 0;
    });
}

Status write_report(Program const& program) {
    std::string text = json::serialize(report_of(program)) + "\n";
    std::string const& path = program.wish.report;
    return as_user(program, [&] {
        // Beside and renamed: who waits for the file finds all of it.
        return sys::replace_file(path, text) || sys::write_file(path, text);
    });
}

} // namespace rove::node
