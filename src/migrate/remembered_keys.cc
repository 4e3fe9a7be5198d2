// SPDX-License-Identifier: Apache-2.0
// RememberedKeys: a file of records of one size, to which is only added.
#include "migrate/remembered_keys.hh"

#include <algorithm>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/fd.hh"
#include "sys/files.hh"

namespace rove::migrate {

namespace {

struct Record {
    uint64_t device, inode, changed_ns, offset, length, hash_high, hash_low;
    uint64_t check; // of what is before it
};

constexpr size_t records_max = 4096; // then it begins anew

// Local ones, on which a page of a mapping that is written for the first time sets the time of the
// last change. Not tmpfs, which does not; nor what another machine can write to.
constexpr uint32_t believed[] = {
    0xef53,     // ext2, ext3, ext4
    0x58465342, // XFS
    0x9123683e, // Btrfs
    0xf2f52010, // F2FS
    0x73717368, // SquashFS
    0xe0f5e1e2, // EROFS
};

uint64_t check_of(Record const& record) {
    return XXH3_64bits(&record, offsetof(Record, check));
}

// Nobody has it open for writing, nor mapped so: the kernel gives a lease only then.
bool no_writer(int file) {
    struct statfs system {};
    if (::fstatfs(file, &system) != 0 ||
        std::find(std::begin(believed), std::end(believed), static_cast<uint32_t>(system.f_type)) ==
            std::end(believed))
        return false;
    (void)std::signal(SIGIO, SIG_IGN); // how the kernel tells of a writer
    if (::fcntl(file, F_SETLEASE, F_RDLCK) != 0) return false;
    (void)::fcntl(file, F_SETLEASE, F_UNLCK);
    return true;
}

uint64_t nanoseconds(timespec const& time) {
    return static_cast<uint64_t>(time.tv_sec) * 1000000000 + static_cast<uint64_t>(time.tv_nsec);
}

} // namespace

RememberedKeys::Which RememberedKeys::which(
    struct stat const& status, uint64_t offset, uint64_t length) {
    return {status.st_dev, status.st_ino, nanoseconds(status.st_ctim), offset, length};
}

void RememberedKeys::read() {
    was_read_ = true;
    auto text = sys::read_file(path_, records_max * sizeof(Record));
    if (!text || text->size() % sizeof(Record) != 0) return;
    for (size_t at = 0; at < text->size(); at += sizeof(Record)) {
        Record record;
        std::memcpy(&record, text->data() + at, sizeof record);
        if (record.check != check_of(record)) continue;
        keys_[{record.device, record.inode, record.changed_ns, record.offset, record.length}] = {
            record.hash_high, record.hash_low, record.length};
    }
}

std::optional<wire::SegmentKey> RememberedKeys::find(int file, uint64_t offset, uint64_t length) {
    if (path_.empty()) return std::nullopt;
    if (!was_read_) read();
    if (keys_.empty() || !no_writer(file)) return std::nullopt;
    // After that question: who has written before has changed the time by now.
    auto status = sys::fstat(file);
    if (!status) return std::nullopt;
    auto found = keys_.find(which(*status, offset, length));
    if (found == keys_.end()) return std::nullopt;
    return found->second;
}

void RememberedKeys::add(
    int file, struct stat const& hashed_since, uint64_t offset, wire::SegmentKey const& key) {
    auto changed = nanoseconds(hashed_since.st_ctim);
    auto settled = static_cast<uint64_t>((real_now() - settled_).count());
    if (path_.empty() || changed > settled || !no_writer(file)) return;
    auto status = sys::fstat(file);
    if (!status || nanoseconds(status->st_ctim) != changed) return;
    Fd all(::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!all) return;
    auto size = sys::fstat(all.number());
    if (!size) return;
    auto bytes = static_cast<size_t>(size->st_size);
    if ((bytes % sizeof(Record) != 0 || bytes >= records_max * sizeof(Record)) &&
        ::ftruncate(all.number(), 0) != 0)
        return;
    Record record{hashed_since.st_dev, hashed_since.st_ino, changed, offset, key.length,
        key.hash_high, key.hash_low, 0};
    record.check = check_of(record);
    // If it does not fit whole, the next one begins anew.
    (void)!::write(all.number(), &record, sizeof record);
    keys_[which(hashed_since, offset, key.length)] = key;
}

} // namespace rove::migrate
