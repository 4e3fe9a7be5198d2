// SPDX-License-Identifier: Apache-2.0
// Segments: opening, hashing, reading.
#include "migrate/segments.hh"

#include <algorithm>
#include <memory>

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <xxhash.h>

#include "sys/files.hh"
#include "sys/vdso.hh"
#include "warden/segments.hh"

namespace rove::migrate {

namespace {
// File systems count time in ticks of up to some milliseconds; FAT in two seconds.
void note_change(timespec& changed, bool& settled, struct stat const& status) {
    timespec now{};
    (void)::clock_gettime(CLOCK_REALTIME, &now);
    changed = status.st_ctim;
    settled = now.tv_sec - changed.tv_sec > 3;
}
} // namespace

Result<Fd> open_mapped(pid_t pid, image::Mapping const& mapping) {
    // A program that goes on meanwhile may have mapped something else just there.
    // By its name, then, as an overlay's files may have other inode numbers there.
    auto direct =
        sys::open(fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, mapping.start, mapping.end),
            O_RDONLY | O_NONBLOCK);
    if (direct && S_ISREG(TRY(sys::fstat(direct->number())).st_mode) &&
        sys::read_link(fmt::format("/proc/self/fd/{}", direct->number())).value_or("") ==
            mapping.path)
        return direct;
    Fd named =
        TRY(sys::open(fmt::format("/proc/{}/root{}", pid, mapping.path), O_RDONLY | O_NONBLOCK));
    auto status = TRY(sys::fstat(named.number()));
    if (status.st_ino != mapping.inode || !S_ISREG(status.st_mode))
        return fail(ESTALE, "{} is another file now", mapping.path);
    return named;
}

Segments::Source Segments::source_of(image::Mapping const& mapping) {
    Source source;
    source.device_major = mapping.device_major;
    source.device_minor = mapping.device_minor;
    source.inode = mapping.inode;
    source.file_offset = mapping.offset;
    source.end = mapping.offset + mapping.size();
    return source;
}

// Read, not mapped: whoever shortens the file meanwhile must not end us by a SIGBUS.
Result<wire::SegmentKey> Segments::key_of_file(Source const& source) {
    constexpr uint64_t part = 1 << 20;
    std::string bytes(std::min(part, source.length), '\0');
    std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(
        XXH3_createState(), &XXH3_freeState);
    (void)XXH3_128bits_reset(state.get());
    for (uint64_t at = 0; at < source.length;) {
        ssize_t got = ::pread(source.file.number(), bytes.data(),
            std::min(part, source.length - at), static_cast<off_t>(source.file_offset + at));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0)
            return fail(got == 0 ? ESTALE : errno, "a file of the process cannot be read");
        (void)XXH3_128bits_update(state.get(), bytes.data(), static_cast<size_t>(got));
        at += static_cast<uint64_t>(got);
    }
    XXH128_hash_t hash = XXH3_128bits_digest(state.get());
    return wire::SegmentKey{hash.high64, hash.low64, source.length};
}

Result<wire::SegmentKey> Segments::remembered_key(Source const& source) {
    int file = source.file.number();
    if (auto key = remembered_.find(file, source.file_offset, source.length)) return *key;
    auto status = TRY(sys::fstat(file));
    auto key = TRY(key_of_file(source));
    remembered_.add(file, status, source.file_offset, key);
    return key;
}

Result<uint32_t> Segments::add_known(
    pid_t pid, image::Mapping const& mapping, wire::SegmentKey const& key) {
    Source source = source_of(mapping);
    source.file = TRY(open_mapped(pid, mapping));
    auto size =
        static_cast<uint64_t>(std::max<off_t>(TRY(sys::fstat(source.file.number())).st_size, 0));
    source.length = key.length;
    if (size < mapping.offset || size - mapping.offset < key.length ||
        TRY(key_of_file(source)) != key)
        return fail(ENOENT, "the file has other bytes");
    keys_.push_back(key);
    sources_.push_back(std::move(source));
    return static_cast<uint32_t>(keys_.size() - 1);
}

uint32_t Segments::add_changed(image::Mapping const& mapping, wire::SegmentKey const& key) {
    Source source = source_of(mapping);
    source.length = key.length;
    keys_.push_back(key);
    sources_.push_back(std::move(source));
    return static_cast<uint32_t>(keys_.size() - 1);
}

Result<uint32_t> Segments::add_commons(pid_t pid, image::Mapping const& mapping) {
    // A program that goes on may have mapped other memory there since it was looked at. What we
    // hold keeps its inode for as long as that.
    for (uint32_t i = 0; i < sources_.size(); ++i)
        if (keys_[i].commons == wire::commons_shared && sources_[i].file &&
            sources_[i].inode == mapping.inode &&
            sources_[i].device_major == mapping.device_major &&
            sources_[i].device_minor == mapping.device_minor)
            return i;
    Source source = source_of(mapping);
    source.file =
        TRY(sys::open(fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, mapping.start, mapping.end),
            O_RDWR | O_CLOEXEC));
    auto status = TRY(sys::fstat(source.file.number()));
    if (status.st_ino != mapping.inode ||
        status.st_dev != makedev(mapping.device_major, mapping.device_minor))
        return fail(ESTALE, "other memory is mapped at {:#x} by now", mapping.start);
    source.file_offset = 0;
    source.settled = true; // its bytes go on their own
    source.length = source.end = static_cast<uint64_t>(status.st_size);
    wire::SegmentKey key{status.st_dev, status.st_ino, source.length, 1};
    if (auto known = find(key)) return *known;
    keys_.push_back(key);
    sources_.push_back(std::move(source));
    return static_cast<uint32_t>(keys_.size() - 1);
}

void Segments::add_own(wire::SegmentKey const& key, uint32_t device_major, uint32_t device_minor) {
    auto known = std::find(keys_.begin(), keys_.end(), key);
    auto index = static_cast<size_t>(known - keys_.begin());
    if (known == keys_.end()) {
        keys_.push_back(key);
        sources_.emplace_back();
    }
    Source& source = sources_[index];
    source.device_major = device_major;
    source.device_minor = device_minor;
    source.inode = key.hash_low;
    source.length = source.end = key.length;
    source.own = source.settled = true;
}

void Segments::forget_own() {
    for (auto& source : sources_)
        source.own = false;
}

Result<uint32_t> Segments::place_vdso() {
    Source source;
    source.copy = TRY(sys::own_vdso());
    source.length = source.copy.size();
    auto key = warden::key_of(source.copy);
    if (auto known = find(key)) return *known;
    keys_.push_back(key);
    sources_.push_back(std::move(source));
    return static_cast<uint32_t>(keys_.size() - 1);
}

bool Segments::unchanged(uint32_t index) {
    Source& source = sources_[index];
    if (!source.file) return true; // a copy of our own
    auto status = sys::fstat(source.file.number());
    if (!status) return false;
    bool same = source.changed.tv_sec == status->st_ctim.tv_sec &&
                source.changed.tv_nsec == status->st_ctim.tv_nsec;
    if (same && source.settled) return true;
    note_change(source.changed, source.settled, *status);
    auto key = key_of_file(source);
    if (key && *key == keys_[index]) return true;
    source.settled = false; // nor is it the next time
    return false;
}

Result<image::SegmentPlace> Segments::place(
    pid_t pid, tracee::RemoteMemory const* memory, image::Mapping const& mapping) {
    if (image::is_commons(mapping))
        return image::SegmentPlace{TRY(add_commons(pid, mapping)), mapping.offset};
    for (uint32_t i = 0; i < sources_.size(); ++i) {
        Source const& source = sources_[i];
        if (source.own && mapping.shared && source.inode == mapping.inode &&
            source.device_major == mapping.device_major &&
            source.device_minor == mapping.device_minor)
            return image::SegmentPlace{i, mapping.offset};
        if (!source.file || is_commons(i) || source.inode != mapping.inode ||
            source.device_major != mapping.device_major ||
            source.device_minor != mapping.device_minor)
            continue;
        if (mapping.offset >= source.file_offset && mapping.offset + mapping.size() <= source.end &&
            unchanged(i))
            return image::SegmentPlace{i, mapping.offset - source.file_offset};
    }
    Source source = source_of(mapping);
    if (auto file = open_mapped(pid, mapping)) {
        auto status = TRY(sys::fstat(file->number()));
        auto size = static_cast<uint64_t>(std::max<off_t>(status.st_size, 0));
        source.length = size > mapping.offset ? std::min(size - mapping.offset, mapping.size()) : 0;
        source.file = std::move(*file);
        note_change(source.changed, source.settled, status);
    } else if (memory == nullptr) {
        return Failure(file.error());
    } else {
        // What the process sees there; pages that it has changed travel on their own anyway.
        source.length = mapping.size();
        source.copy.resize(source.length);
        TRY(memory->read_forced(mapping.start, source.copy.data(), source.length));
    }
    auto key = source.copy.empty() ? TRY(remembered_key(source)) : warden::key_of(source.copy);
    keys_.push_back(key);
    sources_.push_back(std::move(source));
    return image::SegmentPlace{static_cast<uint32_t>(keys_.size() - 1), 0};
}

Result<std::string> Segments::read(uint32_t index, uint64_t offset, uint64_t length) const {
    if (index >= sources_.size()) return fail(EINVAL, "there is no segment {}", index);
    Source const& source = sources_[index];
    if (offset >= source.length) return std::string();
    length = std::min(length, source.length - offset);
    if (!source.copy.empty()) return source.copy.substr(offset, length);
    std::string bytes(length, '\0');
    for (uint64_t at = 0; at < length;) {
        ssize_t got = ::pread(source.file.number(), bytes.data() + at, length - at,
            static_cast<off_t>(source.file_offset + offset + at));
        if (got <= 0) return fail(got == 0 ? EIO : errno, "cannot read segment {}", index);
        at += static_cast<uint64_t>(got);
    }
    return bytes;
}

Result<uint32_t> Segments::find(wire::SegmentKey const& key) const {
    auto found = std::find(keys_.begin(), keys_.end(), key);
    if (found == keys_.end()) return fail(ENOENT, "a segment that this process does not map");
    return static_cast<uint32_t>(found - keys_.begin());
}

bool Segments::shows(
    image::Mapping const& mapping, uint32_t index, uint64_t offset, uint64_t vma_start) const {
    if (index >= sources_.size() || mapping.inode == 0) return false;
    // Files with the same bytes have the same key: any of them will do.
    for (uint32_t i = 0; i < sources_.size(); ++i) {
        Source const& source = sources_[i];
        bool same = keys_[i] == keys_[index] && mapping.inode == source.inode &&
                    mapping.device_major == source.device_major &&
                    mapping.device_minor == source.device_minor;
        // Both say which file offset address 0 would have.
        if (same && mapping.offset - mapping.start == source.file_offset + offset - vma_start)
            return true;
    }
    return false;
}

} // namespace rove::migrate
