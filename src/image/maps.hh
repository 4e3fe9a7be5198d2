// SPDX-License-Identifier: Apache-2.0
// Maps: the text of /proc/PID/maps and /proc/PID/smaps as values.
//
// Pure. The text may come from another process's names (a mapped file may be called anything), so
// it is parsed as hostile input.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hh"

namespace rove::image {

struct Mapping {
    uint64_t start = 0, end = 0;
    int prot = 0; // PROT_*
    bool shared = false;
    uint64_t offset = 0; // in the file
    uint32_t device_major = 0, device_minor = 0;
    uint64_t inode = 0; // 0: no file
    std::string path;   // as the kernel writes it: "[heap]", "/usr/lib/…", ""
    std::string flags;  // smaps: VmFlags, "rd ex mr …"; empty from maps

    void drop_flag(std::string_view flag);

    uint64_t size() const { return end - start; }
    bool has(std::string_view flag) const; // e.g. "gd"; never true without smaps
    bool same_file(Mapping const& other) const {
        return inode != 0 && inode == other.inode && device_major == other.device_major &&
               device_minor == other.device_minor;
    }
};

// Gives each mapping the flags that the same one has in `before`. False: one of them is not there,
// and its flags have to be read; smaps takes a millisecond for what maps tells in a tenth of it, as
// it counts pages.
bool carry_flags(std::vector<Mapping>& mappings, std::vector<Mapping> const& before);

// Both kinds of text; sorted and not overlapping, or an error.
Result<std::vector<Mapping>> parse_maps(std::string_view text);

} // namespace rove::image
