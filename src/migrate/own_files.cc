// SPDX-License-Identifier: Apache-2.0
// Own files: see own_files.hh.
#include "migrate/own_files.hh"

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstring>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/text.hh"
#include "image/layout.hh"
#include "migrate/file_locks.hh"
#include "sys/files.hh"
#include "sys/process.hh"
#include "sys/sparse.hh"
#include "tracee/proc.hh"

namespace rove::migrate {

namespace {

constexpr uint64_t size_max = 64 << 20; // all of it travels while the process stands
constexpr size_t part_max = 1 << 20;
constexpr size_t page = 4096;
constexpr char const* word = "shared_writable_memory";

// Where the kernel of this machine sees whoever opens a file: no network's, no program's, and no
// file system that is made of others.
bool is_local(int file) {
    constexpr unsigned long known[] = {0xef53 /* ext4 */, 0x01021994 /* tmpfs */,
        0x58465342 /* xfs */, 0x9123683e /* btrfs */, 0xf2f52010 /* f2fs */};
    struct statfs where {};
    return ::fstatfs(file, &where) == 0 &&
           std::find(std::begin(known), std::end(known),
               static_cast<unsigned long>(where.f_type)) != std::end(known);
}

// The kernel's own files in memory are made without being opened, and who has one is not counted.
bool is_counted(dev_t device) {
    auto sample = sys::memfd("rove-sample", 0);
    auto status =
        sample ? sys::fstat(sample->number()) : Result<struct stat>(Failure(sample.error()));
    return status && status->st_dev != device;
}

// What a new mapping would have to be given as well.
bool is_plain(image::Mapping const& mapping) {
    constexpr char const* marks[] = {
        "dc", "dd", "wf", "lo", "hg", "nh", "mg", "nr", "gd", "sf", "um", "uw"};
    return std::none_of(
        std::begin(marks), std::end(marks), [&](char const* mark) { return mapping.has(mark); });
}

Result<Fd> open_written(pid_t pid, image::Mapping const& mapping) {
    constexpr int how = O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
    auto file = sys::open(
        fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, mapping.start, mapping.end), how);
    if (!file) file = sys::open(fmt::format("/proc/{}/root{}", pid, mapping.path), how);
    if (!file) return file;
    auto status = TRY(sys::fstat(file->number()));
    if (status.st_ino != mapping.inode || !S_ISREG(status.st_mode) ||
        status.st_dev != makedev(mapping.device_major, mapping.device_minor))
        return fail(ESTALE, "{} is another file now", mapping.path);
    return file;
}

// A store of the guest must find room at home when it comes there.
Status fill_holes(int file, struct stat const& status) {
    if (status.st_blocks * 512 >= status.st_size) return {};
    if (::fallocate(file, FALLOC_FL_KEEP_SIZE, 0, status.st_size) == 0 || errno == EOPNOTSUPP)
        return {};
    return fail(errno, "there is no room for a file");
}

Result<FileLocks> locks_of(image::Mapping const& mapping) {
    return parse_locks(TRY(sys::read_file("/proc/locks")), mapping.device_major,
        mapping.device_minor, mapping.inode);
}

// One that cannot be looked into counts, and one that has ended does not.
bool has_file(pid_t pid, image::Mapping const& mapping) {
    auto gone = [](Error const& error) { return error.gone() || error.code == ENOENT; };
    auto theirs = tracee::whole_mappings(pid, "maps");
    if (!theirs) return !gone(theirs.error());
    auto files = tracee::list_files(pid);
    if (!files) return !gone(files.error());
    return std::any_of(theirs->begin(), theirs->end(),
               [&](auto const& each) { return each.same_file(mapping); }) ||
           std::any_of(files->begin(), files->end(),
               [&](auto const& file) { return file.target == mapping.path; });
}

} // namespace

Status check_locked_files(
    pid_t pid, std::vector<image::Mapping> const& mappings, Refusal& refusal) {
    for (auto const& mapping : mappings) {
        if (!image::is_written_file(mapping) || TRY(locks_of(mapping)).flock == 0) continue;
        for (auto const& name : TRY(sys::list_directory("/proc"))) {
            auto other = parse_number<pid_t>(name);
            if (!other || *other == pid || !has_file(*other, mapping)) continue;
            return refusal.because(word, fmt::format("it maps {} for writing, which process {} has",
                                             printable(mapping.path), *other));
        }
    }
    return {};
}

Status check_written_file(pid_t pid, image::Mapping const& mapping, Refusal& refusal) {
    auto files = TRY(tracee::list_files(pid));
    auto open = std::find_if(
        files.begin(), files.end(), [&](auto const& file) { return file.target == mapping.path; });
    if (open != files.end())
        return refusal.because(word, fmt::format("it maps {} for writing, and has it open as well",
                                         printable(mapping.path)));
    if (!is_plain(mapping))
        return refusal.because(
            word, fmt::format("it maps {} for writing, with advice", printable(mapping.path)));
    return {};
}

Status OwnFiles::take(Body& body, std::vector<image::Mapping> const& mappings, Refusal& refusal) {
    std::vector<std::vector<image::Mapping>> files;
    for (auto const& mapping : mappings) {
        if (image::is_foreign(mapping, body.region()) || !image::is_written_file(mapping)) continue;
        auto same = std::find_if(files.begin(), files.end(),
            [&](auto const& known) { return known.front().same_file(mapping); });
        if (same == files.end()) same = files.insert(files.end(), std::vector<image::Mapping>());
        same->push_back(mapping);
    }
    if (files.size() > wire::own_files_max)
        return refusal.because(word, fmt::format("it maps {} files for writing", files.size()));
    for (auto const& each : files)
        TRY(take_one(body, each, refusal));
    return {};
}

Status OwnFiles::take_one(
    Body& body, std::vector<image::Mapping> const& mappings, Refusal& refusal) {
    auto const& first = mappings.front();
    auto no = [&](char const* why) {
        return refusal.because(
            word, fmt::format("it maps {} for writing, {}", printable(first.path), why));
    };
    One one;
    one.device_major = first.device_major;
    one.device_minor = first.device_minor;
    auto opened = open_written(body.pid(), first);
    if (!opened) return no("which cannot be opened");
    one.file = std::move(*opened);
    int file = one.file.number();
    auto status = TRY(sys::fstat(file));
    if (!is_local(file) || !is_counted(status.st_dev)) return no("whose users are not counted");
    if (status.st_size > static_cast<off_t>(size_max)) return no("which is too large to travel");
    auto locks = TRY(locks_of(first));
    if (locks.waiting || locks.parts) return no("which somebody has locked");
    if (locks.flock != 0)
        for (pid_t child : TRY(tracee::list_children(body.pid())))
            if (has_file(child, first)) return no("which a child has as well");
    auto control = TRY(body.control());
    one.there = TRY(body.porter().take_fd(file, control.fd_first));
    held_.push_back(std::move(one));
    auto there = static_cast<uint64_t>(held_.back().there);
    if (held_.back().there > control.fd_last) return no("and has no descriptors left");
    std::vector<wire::ExecCall> calls;
    for (auto const& mapping : mappings)
        calls.push_back({SYS_mmap,
            {mapping.start, mapping.size(), static_cast<uint64_t>(mapping.prot),
                MAP_SHARED | MAP_FIXED, there, mapping.offset},
            static_cast<int64_t>(mapping.start)});
    // What flock locks is the open file, which has just ended with its last mapping.
    if (locks.flock != 0)
        calls.push_back({SYS_flock, {there, static_cast<uint64_t>(locks.flock | LOCK_NB)}, 0});
    if (!body.porter().calls(calls)) return no("which cannot be mapped anew");
    TRY(note_in(body));                // before there is a lease, which it would have to give up
    (void)std::signal(SIGIO, SIG_IGN); // how the kernel tells of an opener; wanted() asks for it
    if (::fcntl(file, F_SETLEASE, F_WRLCK) != 0)
        return no(
            errno == EAGAIN ? "which somebody else has open or maps" : "which gives no lease");
    status = TRY(sys::fstat(file));
    if (!fill_holes(file, status)) return no("which has no room on its disk");
    held_.back().key = {
        status.st_dev, status.st_ino, static_cast<uint64_t>(status.st_size), wire::commons_own};
    return {};
}

// For the runtime, and for another steward.
Status OwnFiles::note_in(Body& body) const {
    uint64_t at = body.control_address();
    for (size_t i = 0; i < held_.size(); ++i)
        TRY(body.memory().put(
            at + offsetof(wire::Control, own_file_fds) + i * sizeof(int32_t), held_[i].there));
    return body.memory().put(
        at + offsetof(wire::Control, own_files), static_cast<uint32_t>(held_.size()));
}

Status OwnFiles::take_over(Body& body) {
    auto control = TRY(body.control());
    for (uint32_t i = 0; i < std::min(control.own_files, wire::own_files_max); ++i) {
        One one;
        one.there = control.own_file_fds[i];
        one.file = TRY(sys::pidfd_getfd(body.pidfd(), one.there));
        auto status = TRY(sys::fstat(one.file.number()));
        one.device_major = major(status.st_dev);
        one.device_minor = minor(status.st_dev);
        one.key = {
            status.st_dev, status.st_ino, static_cast<uint64_t>(status.st_size), wire::commons_own};
        held_.push_back(std::move(one));
    }
    return {};
}

bool OwnFiles::wanted() const {
    return std::any_of(held_.begin(), held_.end(),
        [](One const& one) { return ::fcntl(one.file.number(), F_GETLEASE) != F_WRLCK; });
}

void OwnFiles::give_back(Body& body) {
    std::vector<wire::ExecCall> calls;
    for (auto const& one : held_)
        calls.push_back({SYS_close, {static_cast<uint64_t>(one.there)}, -1});
    if (!held_.empty()) (void)body.porter().calls_tolerant(calls);
    forget();
    (void)note_in(body);
}

// What P maps would keep the lease alive.
void OwnFiles::forget() {
    for (auto const& one : held_)
        (void)::fcntl(one.file.number(), F_SETLEASE, F_UNLCK);
    held_.clear();
}

Fd const* OwnFiles::find(wire::SegmentKey const& key) const {
    auto found =
        std::find_if(held_.begin(), held_.end(), [&](One const& one) { return one.key == key; });
    return found == held_.end() ? nullptr : &found->file;
}

Result<std::string> OwnFiles::read(One const& one, uint64_t offset) {
    std::string bytes(std::min<uint64_t>(part_max, one.key.length - offset), '\0');
    for (size_t at = 0; at < bytes.size();) {
        ssize_t got = ::pread(one.file.number(), bytes.data() + at, bytes.size() - at,
            static_cast<off_t>(offset + at));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return fail(got == 0 ? ESTALE : errno, "a file of its own cannot be read");
        at += static_cast<size_t>(got);
    }
    return bytes;
}

Status OwnFiles::write(One const& one, ByteView bytes, uint64_t offset) {
    char here[page];
    while (!bytes.empty()) {
        size_t count = std::min(bytes.size(), page - offset % page);
        ssize_t got = ::pread(one.file.number(), here, count, static_cast<off_t>(offset));
        if (got < 0) return fail(errno, "a file of its own cannot be read");
        // Where it has been cut off by whoever lost his patience there is nothing to write to.
        auto part = bytes.first(static_cast<size_t>(got));
        if (std::memcmp(here, part.data(), part.size()) != 0)
            TRY(sys::write_at(one.file.number(), part, offset));
        bytes = bytes.subspan(count);
        offset += count;
    }
    return {};
}

} // namespace rove::migrate
