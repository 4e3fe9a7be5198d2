// SPDX-License-Identifier: Apache-2.0
// Files: whole small files, as the lab reads and writes them.
#include "lab/files.hh"

#include <algorithm>
#include <cstdio>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

namespace rove::lab {

Result<Fd> open_file(std::string const& path, int flags, mode_t mode) {
    int number = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (number < 0) return fail(errno, "cannot open {}", path);
    return Fd(number);
}

Result<std::string> read_text(std::string const& path) {
    Fd file = TRY(open_file(path, O_RDONLY));
    std::string text;
    char part[4096];
    for (;;) {
        ssize_t count = ::read(file.number(), part, sizeof part);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(errno, "cannot read {}", path);
        if (count == 0) return text;
        text.append(part, static_cast<size_t>(count));
    }
}

Status write_kernel_file(std::string const& path, std::string_view text) {
    Fd file = TRY(open_file(path, O_WRONLY));
    if (::write(file.number(), text.data(), text.size()) < 0)
        return fail(errno, "cannot write '{}' to {}", text, path);
    return {};
}

Status replace_file(std::string const& path, std::string_view text, mode_t mode) {
    std::string fresh = path + ".new";
    (void)::unlink(fresh.c_str());
    Fd file = TRY(open_file(fresh, O_WRONLY | O_CREAT | O_EXCL, mode));
    if (::fchmod(file.number(), mode) < 0) return fail(errno, "cannot set the mode of {}", fresh);
    while (!text.empty()) {
        ssize_t count = ::write(file.number(), text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return fail(errno, "cannot write {}", fresh);
        text.remove_prefix(static_cast<size_t>(count));
    }
    if (::rename(fresh.c_str(), path.c_str()) < 0) return fail(errno, "cannot replace {}", path);
    return {};
}

Status make_dir(std::string const& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) < 0 && errno != EEXIST)
        return fail(errno, "cannot make the directory {}", path);
    return {};
}

std::vector<std::string> names_in(std::string const& dir) {
    std::vector<std::string> names;
    DIR* open = ::opendir(dir.c_str());
    if (!open) return names;
    while (dirent* entry = ::readdir(open)) {
        std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    (void)::closedir(open);
    std::sort(names.begin(), names.end());
    return names;
}

std::string link_target(std::string const& path) {
    char target[4096];
    ssize_t length = ::readlink(path.c_str(), target, sizeof target);
    return length < 0 ? std::string() : std::string(target, static_cast<size_t>(length));
}

bool exists(std::string const& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

Status remove_tree(std::string const& dir) {
    auto remove_one = [](char const* path, struct stat const*, int, FTW*) {
        return ::remove(path) == 0 || errno == ENOENT ? 0 : errno;
    };
    int wrong = ::nftw(dir.c_str(), remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    if (wrong < 0 && errno == ENOENT) return {};
    if (wrong != 0) return fail(wrong < 0 ? errno : wrong, "cannot remove {}", dir);
    return {};
}

} // namespace rove::lab
