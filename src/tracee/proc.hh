// SPDX-License-Identifier: Apache-2.0
// Proc: what /proc says of a process. The parsers are pure functions of text.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.hh"
#include "image/maps.hh"

namespace rove::tracee {

// Fields of /proc/PID/stat that are needed here.
struct Stat {
    char state = '?';
    pid_t parent = 0;
    uint64_t start_time = 0;
    uint64_t brk_start = 0;
    int policy = 0;
    uint64_t arg_start = 0, arg_end = 0, env_start = 0, env_end = 0;
    uint64_t utime = 0, stime = 0; // clock ticks
    long threads = 0;
};
// Of a stat text: 'R', 'S', 'T' and so on; 0 if it is none.
char parse_state(std::string_view text);
Result<Stat> parse_stat(std::string_view text);
Result<Stat> read_stat(pid_t pid);

// A limit as /proc/PID/limits has it, where everybody may read it: prlimit() on another user's
// process wants CAP_SYS_RESOURCE even of root. `name` as it stands there ("Max open files"); no
// limit is RLIM_INFINITY.
struct Limit {
    uint64_t soft = 0, hard = 0;
};
Result<Limit> parse_limit(std::string_view limits, std::string_view name);

// Lines of /proc/PID/status; empty if there is no such line.
std::string status_line(std::string_view status, std::string_view name);
// Last number of the NSpid line: the PID in the process's own PID namespace.
Result<pid_t> parse_inner_pid(std::string_view status);
// A set of signals, such as "SigCgt": bit 0 is signal 1.
Result<uint64_t> parse_signals(std::string_view status, std::string_view name);

// The mappings of a process that may be running, from its "maps" or "smaps". One that changes them
// between two reads of the list makes a list that fits nowhere: it is read again.
Result<std::vector<image::Mapping>> whole_mappings(pid_t pid, char const* file);

Result<std::vector<pid_t>> list_threads(pid_t pid);
// Direct children of any of its threads.
Result<std::vector<pid_t>> list_children(pid_t pid);

// The child, or child's child, that `pid` itself knows by the number `inner`.
Result<pid_t> outer_descendant(pid_t pid, pid_t inner);

struct OpenFile {
    int number = -1;
    std::string target; // of the link in /proc/PID/fd
};
Result<std::vector<OpenFile>> list_files(pid_t pid);
// A userfaultfd that has not been told yet what to do: so it watches nothing.
bool is_blank_userfault(pid_t pid, OpenFile const& file);
// Whether one of its files is read and written past the page cache (O_DIRECT).
bool has_direct_file(pid_t pid);
/// -1 if none is open.
Result<int> highest_descriptor(pid_t pid);

// Whether two processes use one address space (kcmp); false if that cannot be found out.
bool same_memory(pid_t one, pid_t other);

} // namespace rove::tracee
