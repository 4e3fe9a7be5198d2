// SPDX-License-Identifier: Apache-2.0
// Segments: see segments.hh.
#include "warden/segments.hh"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/clock.hh"
#include "sys/files.hh"

namespace rove::warden {

using wire::SegmentKey;

namespace {

constexpr uint64_t segment_max = 8ull << 30;

std::string name_of(SegmentKey const& key) {
    return fmt::format("{:016x}{:016x}-{:x}", key.hash_high, key.hash_low, key.length);
}

// Nobody can write it any more, and it is opened anew for reading: before Linux 6.7 another one
// cannot be mapped shared.
Result<Fd> seal(Fd memory) {
    constexpr int all = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    if (fcntl(memory.number(), F_ADD_SEALS, all) != 0) return fail(errno, "cannot seal a segment");
    return sys::open(fmt::format("/proc/self/fd/{}", memory.number()), O_RDONLY);
}

} // namespace

SegmentKey key_of(std::string_view bytes) {
    auto hash = XXH3_128bits(bytes.data(), bytes.size());
    return {hash.high64, hash.low64, bytes.size()};
}

Result<SegmentKey> key_of_file(int fd) {
    auto size = static_cast<uint64_t>(TRY(sys::fstat(fd)).st_size);
    if (size == 0) return key_of("");
    void* bytes = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED) return fail(errno, "cannot map a segment");
    auto key = key_of({static_cast<char const*>(bytes), size});
    (void)munmap(bytes, size);
    return key;
}

Segments::Segments(std::string directory, uint64_t bytes_max)
    : directory_(std::move(directory)), bytes_max_(bytes_max) {}

Segments Segments::duplicate() const {
    Segments copy(directory_, bytes_max_);
    copy.keys_ = keys_;
    copy.by_inode_ = by_inode_;
    copy.open_ = open_;
    copy.vdsos_ = vdsos_;
    return copy;
}

void Segments::inherit(Segments const& former) {
    for (size_t i = 0; i < former.keys_.size(); ++i)
        if (former.open_[i] && former.keys_[i].commons == 0)
            inherited_[former.keys_[i]] = former.open_[i];
}

Result<uint32_t> Segments::add(SegmentKey const& key, bool passing) {
    auto keys = keys_;
    auto known = std::find(keys.begin(), keys.end(), key);
    auto index = static_cast<uint32_t>(known - keys.begin());
    if (known == keys.end()) keys.push_back(key);
    TRY(open(keys, {index}));
    passing_ = passing;
    return index;
}

Result<uint32_t> Segments::add_commons(SegmentKey const& key) {
    auto known = std::find(keys_.begin(), keys_.end(), key);
    auto index = static_cast<uint32_t>(known - keys_.begin());
    if (known != keys_.end() && open_[index]) return index;
    if (key.length > segment_max) return fail(EFBIG, "{} bytes of shared memory", key.length);
    Fd memory = TRY(sys::memfd("rove-commons", MFD_ALLOW_SEALING));
    if (ftruncate(memory.number(), static_cast<off_t>(key.length)) != 0 ||
        fcntl(memory.number(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
        return fail(errno, "cannot make memory to share");
    if (known == keys_.end()) keys_.push_back(key);
    open_.resize(keys_.size());
    TRY(keep(index, std::move(memory)));
    return index;
}

bool Segments::share(Segments const& other, uint64_t device, uint64_t inode) {
    auto theirs = other.find(device, inode);
    if (!theirs || !other.is_commons(*theirs)) return false;
    keys_.push_back(other.keys_[*theirs]);
    open_.push_back(other.open_[*theirs]);
    by_inode_[{device, inode}] = static_cast<uint32_t>(keys_.size() - 1);
    return true;
}

std::set<Commons> Segments::commons() const {
    std::set<Commons> all;
    for (auto const& [file, index] : by_inode_)
        if (is_commons(index) && !is_own(index)) all.insert(file);
    return all;
}

uint32_t Segments::count_own() const {
    uint32_t count = 0;
    for (uint32_t index = 0; index < keys_.size(); ++index)
        if (is_own(index) && holds(index)) ++count;
    return count;
}

void Segments::drop_incoming() {
    for (auto const& [index, incoming] : incoming_)
        if (!incoming.path.empty()) (void)sys::remove_file(incoming.path);
    incoming_.clear();
    wanted_.clear();
    passing_ = false;
}

Result<Fd> Segments::open_stored(SegmentKey const& key) const {
    return sys::open(directory_ + "/" + name_of(key), O_RDONLY);
}

// /run is often mounted noexec, and program text must be mapped executable: then a sealed copy.
Result<Fd> Segments::executable(Fd stored) const {
    struct statvfs where {};
    if (fstatvfs(stored.number(), &where) != 0 || !(where.f_flag & ST_NOEXEC)) return stored;
    auto size = TRY(sys::fstat(stored.number())).st_size;
    Fd copy = TRY(sys::memfd("rove-segment", MFD_ALLOW_SEALING));
    for (off_t at = 0; at < size;) {
        ssize_t sent =
            sendfile(copy.number(), stored.number(), &at, static_cast<size_t>(size - at));
        if (sent <= 0) return fail(sent < 0 ? errno : EIO, "cannot copy a segment");
    }
    return seal(std::move(copy));
}

Status Segments::keep(uint32_t index, Fd fd) {
    auto status = TRY(sys::fstat(fd.number()));
    if (static_cast<uint64_t>(status.st_size) != keys_[index].length)
        return fail(EBADMSG, "segment {} has a wrong length", index);
    by_inode_[{status.st_dev, status.st_ino}] = index;
    open_[index] = std::make_shared<Fd const>(std::move(fd));
    return {};
}

Result<std::vector<uint32_t>> Segments::open(
    std::vector<SegmentKey> const& keys, std::vector<uint32_t> const& used) {
    // Lists only grow during a session: what is known stays.
    if (keys.size() < keys_.size() || !std::equal(keys_.begin(), keys_.end(), keys.begin()))
        return fail(EBADMSG, "the list of segments has changed");
    keys_ = keys;
    open_.resize(keys_.size());
    drop_incoming();
    for (uint32_t index : used) {
        if (index >= keys_.size())
            return fail(EBADMSG, "a mapping of segment {}, which is not in the list", index);
        auto const& key = keys_[index];
        if (open_[index]) continue;
        if (key.commons != 0) {
            TRY(add_commons(key));
            continue;
        }
        if (key.length > segment_max) return fail(EFBIG, "segment {} is too large", index);
        auto same = [&](uint32_t other) { return keys_[other] == key; };
        for (uint32_t other = 0; other < keys_.size() && !open_[index]; ++other)
            if (open_[other] && same(other)) open_[index] = open_[other];
        if (open_[index] || std::any_of(wanted_.begin(), wanted_.end(), same)) continue;
        if (auto known = inherited_.find(key); known != inherited_.end()) {
            auto status = TRY(sys::fstat(known->second->number()));
            by_inode_[{status.st_dev, status.st_ino}] = index;
            open_[index] = known->second;
            continue;
        }
        if (auto stored = open_stored(key)) {
            // Used: it is the last to be evicted.
            (void)futimens(stored->number(), nullptr);
            TRY(keep(index, TRY(executable(std::move(*stored)))));
            continue;
        }
        wanted_.push_back(index);
    }
    return wanted_;
}

void Segments::make_room(uint64_t wanted) const {
    auto names = sys::list_directory(directory_);
    if (!names) return;
    struct Entry {
        std::string path;
        uint64_t size;
        timespec used;
    };
    std::vector<Entry> entries;
    uint64_t sum = wanted;
    for (auto const& name : *names) {
        auto path = directory_ + "/" + name;
        auto status = sys::stat(path);
        // What begins with a dot is still being received, or was left behind.
        if (status && name[0] == '.' &&
            real_now() - std::chrono::seconds(status->st_mtim.tv_sec) < std::chrono::minutes(10))
            continue;
        if (status) {
            entries.push_back({path, static_cast<uint64_t>(status->st_size), status->st_mtim});
            sum += static_cast<uint64_t>(status->st_size);
        }
    }
    std::sort(entries.begin(), entries.end(), [](Entry const& a, Entry const& b) {
        return std::pair(a.used.tv_sec, a.used.tv_nsec) < std::pair(b.used.tv_sec, b.used.tv_nsec);
    });
    for (auto const& entry : entries) {
        if (sum <= bytes_max_) break;
        // What guests have open stays alive for them.
        (void)sys::remove_file(entry.path);
        sum -= entry.size;
    }
}

Result<Segments::Incoming> Segments::begin(SegmentKey const& key) {
    Incoming fresh;
    if (passing_) {
        fresh.fd = TRY(sys::memfd("rove-segment", MFD_ALLOW_SEALING));
        return fresh;
    }
    TRY(sys::make_directory(directory_, 0700));
    make_room(key.length);
    fresh.path =
        fmt::format("{}/.{}-{}-{}", directory_, name_of(key), getpid(), monotonic_now().count());
    fresh.fd = TRY(sys::open(fresh.path, O_RDWR | O_CREAT | O_EXCL, 0400));
    return fresh;
}

Result<bool> Segments::receive(wire::SegmentBytes const& part) {
    auto wanted = std::find(wanted_.begin(), wanted_.end(), part.index);
    if (wanted == wanted_.end())
        return fail(EBADMSG, "bytes of segment {}, which was not asked for", part.index);
    auto const& key = keys_[part.index];
    if (!incoming_.contains(part.index)) incoming_.emplace(part.index, TRY(begin(key)));
    auto& incoming = incoming_.at(part.index);
    if (part.offset != incoming.written || part.bytes.size() > key.length - incoming.written)
        return fail(EBADMSG, "bytes of segment {} at {}, {} are there", part.index, part.offset,
            incoming.written);
    TRY(sys::write_all(incoming.fd.number(), as_bytes(part.bytes)));
    incoming.written += part.bytes.size();
    if (incoming.written == key.length) {
        TRY(finish(part.index));
        wanted_.erase(wanted);
    }
    return wanted_.empty();
}

Status Segments::finish(uint32_t index) {
    auto incoming = std::move(incoming_.at(index));
    incoming_.erase(index);
    auto actual = key_of_file(incoming.fd.number());
    if (!actual || *actual != keys_[index]) {
        if (!incoming.path.empty()) (void)sys::remove_file(incoming.path);
        return fail(ESTALE, "a file that it maps has changed while it was read; try again");
    }
    if (incoming.path.empty()) {
        return keep(index, TRY(seal(std::move(incoming.fd))));
    }
    incoming.fd.close();
    // Opened again for reading: a descriptor that could write exists no more.
    Fd stored = TRY(sys::open(incoming.path, O_RDONLY));
    if (rename(incoming.path.c_str(), (directory_ + "/" + name_of(keys_[index])).c_str()) != 0) {
        int why = errno;
        (void)sys::remove_file(incoming.path);
        return fail(why, "cannot keep a segment");
    }
    TRY(keep(index, TRY(executable(std::move(stored)))));
    for (uint32_t i = 0; i < keys_.size(); ++i)
        if (!open_[i] && keys_[i] == keys_[index]) open_[i] = open_[index];
    return {};
}

int Segments::number(uint32_t index) const {
    return open_[index]->number();
}

std::optional<uint32_t> Segments::find(uint64_t device, uint64_t inode) const {
    auto found = by_inode_.find({device, inode});
    if (found == by_inode_.end()) return std::nullopt;
    return found->second;
}

Result<int> Segments::replace_vdso(uint32_t index, std::string const& bytes) {
    Fd file = TRY(sys::memfd("rove-vdso", MFD_ALLOW_SEALING));
    TRY(sys::write_all(file.number(), as_bytes(bytes)));
    auto sealed = std::make_shared<Fd const>(TRY(seal(std::move(file))));
    auto status = TRY(sys::fstat(sealed->number()));
    vdsos_.insert_or_assign({status.st_dev, status.st_ino}, Replacement{index, sealed});
    return sealed->number();
}

std::optional<uint32_t> Segments::find_vdso(uint64_t device, uint64_t inode) const {
    auto found = vdsos_.find({device, inode});
    if (found == vdsos_.end()) return std::nullopt;
    return found->second.index;
}

} // namespace rove::warden
