// SPDX-License-Identifier: Apache-2.0
// Preflight: looking at a running process without touching it: may it leave, and what would it take
// along?
#pragma once

#include <vector>

#include "base/result.hh"
#include "image/maps.hh"
#include "migrate/refusal.hh"
#include "tracee/proc.hh"
#include "wire/keeper.hh"

namespace rove::migrate {

struct Survey {
    std::vector<image::Mapping> mappings; // with flags
    tracee::Stat stat;
    pid_t inner_pid = 0;
    size_t threads = 0;
    bool flags_old = false; // as of an earlier look
};

// Fails with a word in `refusal` if the process cannot leave now. `region`: ours, if it is there.
// `maps`: the file of /proc/PID that is read; "maps" costs no walk over all pages, but has no
// flags. `watched`: we watch its writes, and that is no use of it by the program.
Result<Survey> survey(
    pid_t pid, uint64_t region, Refusal& refusal, char const* maps = "smaps", bool watched = false);

// Whether the one who wants it moved may: asked again when it is frozen, since it gains rights by
// executing a program.
Status check_asker(pid_t pid, wire::Asker const& asker, Refusal& refusal);

// The mappings now. Flags are taken over from `before` where a mapping is the same: reading them
// anew costs a walk over all pages.
Result<std::vector<image::Mapping>> read_mappings(
    pid_t pid, std::vector<image::Mapping> const& before);
// Reads flags that are old anew, and looks whether the process can leave with them.
Status refresh_flags(pid_t pid, uint64_t region, Survey& survey, Refusal& refusal);
// The flag of memory whose writes we have watched ourselves, which tells nothing of the program.
void hide_watch(std::vector<image::Mapping>& mappings);
Status check_mappings(
    pid_t pid, std::vector<image::Mapping> const& mappings, uint64_t region, Refusal& refusal);
// Half of the slots are for threads that it makes while it is away.
Status check_threads(size_t threads, Refusal& refusal);

} // namespace rove::migrate
