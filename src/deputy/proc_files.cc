// SPDX-License-Identifier: Apache-2.0
// Proc files: the program looks at itself under /proc, and finds its half at home there.
//
// Its mappings are those of the time when it left: such a look is done at home. In the number of
// threads the porter is counted: which descriptors tell it is remembered when they are opened, and
// the number corrected when they are read.
#include "deputy/deputy.hh"

#include "rt/memory.hh"
#include "syscalls/proc_path.hh"

namespace rove::deputy {

using syscalls::Placement;
using syscalls::ProcPath;

namespace {

constexpr int at_cwd = -100;

struct Path {
    char const* text = nullptr;
    size_t length = 0;
};

Path path_of(Placement const& placement, unsigned argument) {
    for (unsigned i = 0; i < placement.count; ++i) {
        if (placement.segments[i].holder == argument)
            return {reinterpret_cast<char const*>(placement.placed[i].address),
                placement.placed[i].valid};
    }
    return {};
}

/// /proc/self/fd/N, or /proc/self/cwd for AT_FDCWD
void name_of(int fd, char (&name)[40]) {
    constexpr char cwd[] = "/proc/self/cwd", prefix[] = "/proc/self/fd/";
    if (fd == at_cwd) {
        memcpy(name, cwd, sizeof cwd);
        return;
    }
    memcpy(name, prefix, sizeof prefix - 1);
    char digits[12];
    int count = 0;
    auto rest = static_cast<uint32_t>(fd);
    do
        digits[count++] = static_cast<char>('0' + rest % 10);
    while ((rest /= 10) != 0);
    for (int i = 0; i < count; ++i)
        name[sizeof prefix - 1 + i] = digits[count - 1 - i];
    name[sizeof prefix - 1 + count] = 0;
}

ProcPath classify(int directory, Path path, int32_t* number) {
    if (path.length == 0) return ProcPath::other;
    if (path.text[0] == '/')
        return syscalls::classify_proc_path(path.text, path.length, control().pid, number);
    if (path.length > 64 || !syscalls::may_be_proc_path(path.text, path.length))
        return ProcPath::other;
    char name[40], whole[160];
    name_of(directory, name);
    long length = sys(89, name, whole, 90);
    if (length < 5 || length >= 90 || memcmp(whole, "/proc", 5) != 0) return ProcPath::other;
    whole[length++] = '/';
    memcpy(whole + length, path.text, path.length);
    return syscalls::classify_proc_path(
        whole, static_cast<size_t>(length) + path.length, control().pid, number);
}

} // namespace

Look look_at_path(Placement const& placement) {
    unsigned path = 1;
    int directory = static_cast<int>(placement.args[0]);
    bool opens = true;
    switch (placement.nr) {
    case 2:
        path = 0, directory = at_cwd;
        break; // open
    case 257:
    case 437:
        break; // openat, openat2
    case 89:
        path = 0, directory = at_cwd, opens = false;
        break; // readlink
    case 267:
        opens = false;
        break; // readlinkat
    case 4:
    case 6:
    case 21:
        path = 0, directory = at_cwd, opens = false;
        break; // stat, lstat, access
    case 262:
        opens = false;
        break; // newfstatat
    default:
        return {};
    }
    Look look;
    int32_t number = -1;
    switch (classify(directory, path_of(placement, path), &number)) {
    case ProcPath::memory:
        if (opens) look.home = wire::HomeReason::memory_listing;
        break;
    case ProcPath::counts:
        look.counts_threads = opens;
        break;
    case ProcPath::descriptor:
        if (is_ours(static_cast<uint64_t>(number))) look.error = -2;
        break;
    case ProcPath::other:
    default:
        break;
    }
    return look;
}

void remember_counting(int fd) {
    auto& c = control();
    uint32_t place =
        __atomic_fetch_add(&c.counting_count, 1, __ATOMIC_ACQ_REL) % wire::counting_max;
    __atomic_store_n(&c.counting[place], fd, __ATOMIC_RELEASE);
}

long hide_thread(Placement const& placement, long result) {
    auto& c = control();
    uint32_t count = __atomic_load_n(&c.counting_count, __ATOMIC_ACQUIRE);
    if (count == 0 || result <= 0) return result;
    auto fd = static_cast<int32_t>(placement.args[0]);
    for (uint32_t i = 0; i < count && i < wire::counting_max; ++i) {
        if (__atomic_load_n(&c.counting[i], __ATOMIC_ACQUIRE) != fd) continue;
        // Is it still what it was?
        char name[40], target[90];
        name_of(fd, name);
        long length = sys(89, name, target, sizeof target);
        int32_t unused;
        if (length <= 0 || syscalls::classify_proc_path(target, static_cast<size_t>(length), c.pid,
                               &unused) != ProcPath::counts) {
            __atomic_store_n(&c.counting[i], -1, __ATOMIC_RELEASE);
            continue;
        }
        for (unsigned k = 0; k < placement.count; ++k) {
            if (placement.segments[k].direction != syscalls::Direction::out) continue;
            auto there = static_cast<uint64_t>(result);
            if (there > placement.placed[k].valid) return result;
            return static_cast<long>(syscalls::count_one_less(
                reinterpret_cast<char*>(placement.placed[k].address), there));
        }
        return result;
    }
    return result;
}

} // namespace rove::deputy
