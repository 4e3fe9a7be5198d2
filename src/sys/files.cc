// SPDX-License-Identifier: Apache-2.0
// Files: the wrappers.
#include "sys/files.hh"

#include <algorithm>
#include <climits>
#include <memory>

#include <dirent.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

namespace rove::sys {

namespace {
// Signals interrupt slow calls; none of our callers wants to see that.
template <class Call> auto retried(Call call) {
    for (;;) {
        auto result = call();
        if (result >= 0 || errno != EINTR) return result;
    }
}
Status write_once(int fd, std::string const& path, std::string_view content) {
    ssize_t written = retried([&] { return ::write(fd, content.data(), content.size()); });
    if (written < 0) return fail(errno, "cannot write {}", path);
    if (static_cast<size_t>(written) != content.size())
        return write_all(fd, as_bytes(content.substr(static_cast<size_t>(written))));
    return {};
}
} // namespace

Result<Fd> open(std::string const& path, int flags, mode_t mode) {
    return open_at(AT_FDCWD, path, flags, mode);
}

Result<Fd> open_at(int directory, std::string const& path, int flags, mode_t mode) {
    int fd = retried([&] { return ::openat(directory, path.c_str(), flags | O_CLOEXEC, mode); });
    if (fd < 0) return fail(errno, "cannot open {}", path);
    return Fd(fd);
}

Result<Fd> open_path(std::string const& path) {
    return open(path, O_PATH);
}

Result<std::string> read_rest(int fd, size_t max) {
    std::string content;
    char buffer[16384];
    for (;;) {
        ssize_t count = retried([&] { return ::read(fd, buffer, sizeof buffer); });
        if (count < 0) return fail(errno, "cannot read");
        if (count == 0) return content;
        if (content.size() + static_cast<size_t>(count) > max)
            return fail(EFBIG, "more than {} bytes", max);
        content.append(buffer, static_cast<size_t>(count));
    }
}

Result<std::string> read_file(std::string const& path, size_t max) {
    return read_file_at(AT_FDCWD, path, max);
}

Result<std::string> read_file_at(int directory, std::string const& path, size_t max) {
    Fd file = TRY(open_at(directory, path, O_RDONLY));
    auto content = read_rest(file.number(), max);
    if (!content) return fail(content.error(), "{}", path);
    return content;
}

Status write_file(std::string const& path, std::string_view content, mode_t mode) {
    Fd file = TRY(open(path, O_WRONLY | O_CREAT | O_TRUNC, mode));
    return write_once(file.number(), path, content);
}

Status write_knob(std::string const& path, std::string_view content) {
    return write_knob_at(AT_FDCWD, path, content);
}

Status write_knob_at(int directory, std::string const& path, std::string_view content) {
    Fd file = TRY(open_at(directory, path, O_WRONLY));
    return write_once(file.number(), path, content);
}

Status replace_file(std::string const& path, std::string_view content, mode_t mode) {
    std::string beside = fmt::format("{}.{}.new", path, ::getpid());
    (void)::unlink(beside.c_str());
    Fd file = TRY(open(beside, O_WRONLY | O_CREAT | O_EXCL, mode));
    Status done = write_all(file.number(), as_bytes(content));
    if (done && ::fsync(file.number()) != 0) done = fail(errno, "cannot sync {}", beside);
    if (done && ::rename(beside.c_str(), path.c_str()) != 0)
        done = fail(errno, "cannot replace {}", path);
    if (!done) (void)::unlink(beside.c_str());
    return done;
}

Status append_file(std::string const& path, std::string_view content, mode_t mode) {
    Fd file = TRY(open(path, O_WRONLY | O_CREAT | O_APPEND, mode));
    return write_once(file.number(), path, content);
}

Status write_all(int fd, ByteView bytes) {
    while (!bytes.empty()) {
        ssize_t count = retried([&] { return ::write(fd, bytes.data(), bytes.size()); });
        if (count < 0) return fail(errno, "cannot write");
        bytes = bytes.subspan(static_cast<size_t>(count));
    }
    return {};
}

Status read_exact(int fd, void* to, size_t count) {
    auto* at = static_cast<char*>(to);
    while (count > 0) {
        ssize_t got = retried([&] { return ::read(fd, at, count); });
        if (got < 0) return fail(errno, "cannot read");
        if (got == 0) return fail(EPIPE, "closed with {} bytes missing", count);
        at += got;
        count -= static_cast<size_t>(got);
    }
    return {};
}

bool exists(std::string const& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

Result<struct stat> stat(std::string const& path) {
    struct stat result {};
    if (::stat(path.c_str(), &result) != 0) return fail(errno, "cannot stat {}", path);
    return result;
}

Result<struct stat> fstat(int fd) {
    struct stat result {};
    if (::fstat(fd, &result) != 0) return fail(errno, "cannot stat descriptor {}", fd);
    return result;
}

Result<std::string> read_link(std::string const& path) {
    char target[PATH_MAX];
    ssize_t length = ::readlink(path.c_str(), target, sizeof target);
    if (length < 0) return fail(errno, "cannot read link {}", path);
    return std::string(target, static_cast<size_t>(length));
}

Status make_directory(std::string const& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) == 0) return {};
    int error = errno;
    struct stat found {};
    if (error == EEXIST && ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode)) return {};
    return fail(error, "cannot make directory {}", path);
}

Status make_directories(std::string const& path, mode_t mode) {
    for (size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1))
        TRY(make_directory(path.substr(0, at), mode));
    return make_directory(path, mode);
}

Result<std::vector<std::string>> list_directory(std::string const& path) {
    std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
    if (!directory) return fail(errno, "cannot list {}", path);
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        dirent const* entry = ::readdir(directory.get());
        if (!entry) break;
        std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return fail(errno, "cannot list {}", path);
    std::sort(names.begin(), names.end());
    return names;
}

Status remove_file(std::string const& path) {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    return fail(errno, "cannot remove {}", path);
}

Status remove_directory(std::string const& path) {
    if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
    return fail(errno, "cannot remove directory {}", path);
}

namespace {
Status remove_below(std::string const& path, dev_t device, int depth) {
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0)
        return errno == ENOENT ? Status{} : fail(errno, "cannot stat {}", path);
    if (!S_ISDIR(found.st_mode)) return remove_file(path);
    if (found.st_dev != device) return fail(EXDEV, "{} is a mount point", path);
    if (depth > 256) return fail(ELOOP, "{} is nested too deeply", path);
    for (auto const& name : TRY(list_directory(path)))
        TRY(remove_below(path + "/" + name, device, depth + 1));
    return remove_directory(path);
}
} // namespace

Status remove_tree(std::string const& path) {
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0)
        return errno == ENOENT ? Status{} : fail(errno, "cannot stat {}", path);
    return remove_below(path, found.st_dev, 0);
}

Result<Pipe> pipe(int flags) {
    int ends[2];
    if (::pipe2(ends, flags | O_CLOEXEC) != 0) return fail(errno, "cannot make a pipe");
    return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<Fd> memfd(char const* name, unsigned flags) {
    int fd = ::memfd_create(name, flags | MFD_CLOEXEC);
    if (fd < 0) return fail(errno, "cannot make memfd {}", name);
    return Fd(fd);
}

Result<Fd> eventfd(unsigned count, int flags) {
    int fd = ::eventfd(count, flags | EFD_CLOEXEC);
    if (fd < 0) return fail(errno, "cannot make an eventfd");
    return Fd(fd);
}

Result<Fd> duplicate(int fd, int at_least) {
    int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, at_least);
    if (copy < 0) return fail(errno, "cannot duplicate descriptor {}", fd);
    return Fd(copy);
}

namespace {
Status change_flag(int fd, int get, int set, int flag, bool on) {
    int flags = ::fcntl(fd, get);
    if (flags < 0 || ::fcntl(fd, set, on ? flags | flag : flags & ~flag) < 0)
        return fail(errno, "cannot change the flags of descriptor {}", fd);
    return {};
}
} // namespace

Status set_nonblocking(int fd, bool on) {
    return change_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}
Status set_close_on_exec(int fd, bool on) {
    return change_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}

} // namespace rove::sys
