// SPDX-License-Identifier: Apache-2.0
// Report: the object and its file.
#include "node/report.hh"

#include <climits>
#include <cstring>

#include <boost/json/serialize.hpp>

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.hh"
#include "node/errand.hh"
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

std::optional<int> descriptor_named(std::string_view path) {
    static constexpr std::pair<std::string_view, int> streams[] = {
        {"/dev/stdin", 0}, {"/dev/stdout", 1}, {"/dev/stderr", 2}};
    for (auto const& [name, number] : streams)
        if (path == name) return number;
    for (std::string_view directory : {"/dev/fd/", "/proc/self/fd/"})
        if (path.starts_with(directory))
            if (auto number = parse_number<int>(path.substr(directory.size()));
                number && *number >= 0)
                return *number;
    return std::nullopt;
}

Status take_report_descriptor(Program& program) {
    auto number = descriptor_named(program.wish.report);
    if (!number) return {};
    Fd taken = TRY(sys::pidfd_getfd(program.root_pidfd.number(), *number));
    int mode = ::fcntl(taken.number(), F_GETFL);
    if (mode < 0 || (mode & O_ACCMODE) == O_RDONLY)
        return deny(EBADF, "descriptor {} is not open for writing", *number);
    program.report_to = std::move(taken);
    return {};
}

namespace {

constexpr Nanos patience = std::chrono::seconds(2);

// What stands at the path: a file, or what takes bytes as they come. Anything else is refused, a
// disk for instance.
enum class Place { missing, file, stream, other };
Place look_at(std::string const& path) {
    struct stat there {};
    if (::stat(path.c_str(), &there) != 0) return errno == ENOENT ? Place::missing : Place::other;
    if (S_ISREG(there.st_mode)) return Place::file;
    return S_ISFIFO(there.st_mode) || S_ISCHR(there.st_mode) ? Place::stream : Place::other;
}

bool is_link(std::string const& path) {
    struct stat there {};
    return ::lstat(path.c_str(), &there) == 0 && S_ISLNK(there.st_mode);
}

// Empty if all is well.
using Trouble = std::string;
Trouble trouble(char const* what) {
    return fmt::format("{}: {}", what, std::strerror(errno));
}

Trouble become_user(Program const& program) {
    if (program.uid == ::geteuid()) return {};
    bool done = ::setgroups(program.groups.size(), program.groups.data()) == 0 &&
                ::setresgid(program.gid, program.gid, program.gid) == 0 &&
                ::setresuid(program.uid, program.uid, program.uid) == 0;
    return done ? Trouble() : trouble("cannot become its user");
}

Trouble check(std::string const& path) {
    Place place = look_at(path);
    if (place == Place::missing) {
        std::string directory = path.substr(0, path.rfind('/') + 1);
        return ::access(directory.c_str(), W_OK | X_OK) == 0 ? Trouble() : trouble("its directory");
    }
    if (place == Place::other) return "it is neither a file nor a pipe or terminal";
    return ::access(path.c_str(), W_OK) == 0 ? Trouble() : trouble("it exists");
}

Trouble write_stream(std::string const& path, std::string const& text) {
    // A pipe without a reader is told at once. With one it may be full: then this waits.
    auto file = sys::open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY);
    if (!file) return file.error().sentence();
    (void)sys::set_nonblocking(file->number(), false);
    Status written = sys::write_all(file->number(), as_bytes(text));
    return written ? Trouble() : written.error().sentence();
}

Trouble write(std::string const& path, std::string const& text) {
    Place place = look_at(path);
    if (place == Place::stream) return write_stream(path, text);
    if (place == Place::other) return check(path);
    // Beside and renamed: who waits for the file finds all of it. A link stays one.
    if (!is_link(path) && sys::replace_file(path, text)) return {};
    Status written = sys::write_file(path, text);
    return written ? Trouble() : written.error().sentence();
}

Task<Status> as_user(asio::io_context& io, std::shared_ptr<Program> program,
    std::function<Trouble()> act, std::vector<int> keep) {
    std::function<std::string()> work = [program, act] {
        Trouble first = become_user(*program);
        return first.empty() ? act() : first;
    };
    auto answer = co_await run_errand(io, work, keep, patience);
    std::string path = printable(program->wish.report);
    if (!answer) co_return deny(ETIMEDOUT, "the report {} takes too long to write", path);
    if (!answer->empty())
        co_return deny(EACCES, "its user cannot write the report {}: {}", path, *answer);
    co_return Status{};
}

} // namespace

Task<Status> check_report(asio::io_context& io, std::shared_ptr<Program> program) {
    std::string const& path = program->wish.report;
    if (path.empty() || program->report_to) co_return Status{};
    // As long as the child could not open it anyway.
    if (path.size() >= PATH_MAX || path.find('\0') != std::string::npos)
        co_return deny(ENAMETOOLONG, "the report's path is none");
    std::function<Trouble()> act = [program] { return check(program->wish.report); };
    std::vector<int> keep;
    co_return co_await as_user(io, program, act, keep);
}

Task<Status> write_report(asio::io_context& io, std::shared_ptr<Program> program) {
    std::string text = json::serialize(report_of(*program)) + "\n";
    std::vector<int> keep;
    std::function<Trouble()> act;
    if (program->report_to) {
        int to = program->report_to.number();
        keep.push_back(to);
        act = [to, text] {
            Status written = sys::write_all(to, as_bytes(text));
            return written ? Trouble() : written.error().sentence();
        };
    } else if (descriptor_named(program->wish.report)) {
        co_return deny(EBADF, "its descriptor was lost with the daemon that held it");
    } else {
        act = [program, text] { return write(program->wish.report, text); };
    }
    Status written = co_await as_user(io, program, act, keep);
    program->report_to.close();
    co_return written;
}

} // namespace rove::node
