// SPDX-License-Identifier: Apache-2.0
// Files: opening, reading and writing, with every descriptor closed on exec.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/bytes.hh"
#include "base/fd.hh"
#include "base/result.hh"

namespace rove::sys {

constexpr size_t file_bytes_max = 16u << 20;

// O_CLOEXEC is always added.
Result<Fd> open(std::string const& path, int flags, mode_t mode = 0644);
Result<Fd> open_at(int directory, std::string const& path, int flags, mode_t mode = 0644);
// The directory as an O_PATH descriptor.
Result<Fd> open_path(std::string const& path);

// Whole content; fails with EFBIG beyond max. For /proc and /sys files, too, which have no size.
Result<std::string> read_file(std::string const& path, size_t max = file_bytes_max);
Result<std::string> read_file_at(
    int directory, std::string const& path, size_t max = file_bytes_max);
Result<std::string> read_rest(int fd, size_t max = file_bytes_max);
// One open (O_TRUNC, O_CREAT) and one write: also what cgroup and /proc files want.
Status write_file(std::string const& path, std::string_view content, mode_t mode = 0644);
// One open (O_WRONLY alone) and one write: for files of /proc, /sys and cgroups, never created.
Status write_knob(std::string const& path, std::string_view content);
Status write_knob_at(int directory, std::string const& path, std::string_view content);
// Written beside, synced and renamed into place: readers see the old or the new content.
Status replace_file(std::string const& path, std::string_view content, mode_t mode = 0644);
Status append_file(std::string const& path, std::string_view content, mode_t mode = 0644);

Status write_all(int fd, ByteView bytes);
// Fails with EPIPE if the other end closes before count bytes have come.
Status read_exact(int fd, void* to, size_t count);

bool exists(std::string const& path);
Result<struct stat> stat(std::string const& path);
Result<struct stat> fstat(int fd);
Result<std::string> read_link(std::string const& path);
Status make_directory(std::string const& path, mode_t mode = 0755);   // existing is fine
Status make_directories(std::string const& path, mode_t mode = 0755); // with parents
// Names without "." and "..", sorted.
Result<std::vector<std::string>> list_directory(std::string const& path);
Status remove_file(std::string const& path);      // missing is fine
Status remove_directory(std::string const& path); // empty ones; missing is fine
// With all that is in it; does not follow links and does not cross into another file system.
Status remove_tree(std::string const& path);

struct Pipe {
    Fd reader;
    Fd writer;
};
Result<Pipe> pipe(int flags = 0);
Result<Fd> memfd(char const* name, unsigned flags = 0);
Result<Fd> eventfd(unsigned count = 0, int flags = 0);
Result<Fd> duplicate(int fd, int at_least = 0);
Status set_nonblocking(int fd, bool on);
Status set_close_on_exec(int fd, bool on);

} // namespace rove::sys
