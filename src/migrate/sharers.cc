// SPDX-License-Identifier: Apache-2.0
// Sharers: a walk over all processes, which takes a fraction of a millisecond for each, and is only
// made for one that maps such memory.
#include "migrate/sharers.hh"

#include <algorithm>
#include <cerrno>

#include "base/text.hh"
#include "image/layout.hh"
#include "sys/files.hh"
#include "tracee/proc.hh"

namespace rove::migrate {

namespace {

bool same_commons(image::Mapping const& mapping, std::vector<image::Mapping> const& mappings) {
    return std::any_of(mappings.begin(), mappings.end(),
        [&](auto const& each) { return image::is_commons(each) && each.same_file(mapping); });
}

// Of a process whose first thread has ended the kernel shows no mappings, though others use them.
bool hides_mappings(pid_t pid) {
    auto threads = tracee::list_threads(pid);
    return threads && threads->size() > 1;
}

} // namespace

bool maps_commons_of(pid_t pid, std::vector<image::Mapping> const& mappings) {
    auto theirs = tracee::whole_mappings(pid, "maps");
    if (!theirs) return !theirs.error().gone() && theirs.error().code != ENOENT; // it has ended
    if (theirs->empty()) return hides_mappings(pid);
    return std::any_of(theirs->begin(), theirs->end(),
        [&](auto const& mapping) { return same_commons(mapping, mappings); });
}

Result<pid_t> find_sharer(pid_t pid, std::vector<image::Mapping> const& mappings) {
    if (std::none_of(mappings.begin(), mappings.end(), image::is_commons)) return 0;
    for (auto const& name : TRY(sys::list_directory("/proc"))) {
        auto other = parse_number<pid_t>(name);
        if (other && *other != pid && maps_commons_of(*other, mappings)) return *other;
    }
    return 0;
}

} // namespace rove::migrate
