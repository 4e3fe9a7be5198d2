// SPDX-License-Identifier: Apache-2.0
// Proc: what /proc says of a process of this node. The parsers are pure and take hostile text:
// a program may put anything into its name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/clock.hh"
#include "base/result.hh"
#include "image/credentials.hh"

namespace rove::node {

struct ProcStat {
    char state = '?';
    pid_t parent = 0;
    uint64_t cpu_ticks = 0; // user and system, all threads
    long threads = 0;
    uint64_t start_time = 0;
    uint64_t virtual_bytes = 0; // 0: it is ending and has given up its memory
    uint64_t resident_pages = 0;
    std::string name;             // at most 15 bytes, whatever the program has put there
    uint64_t code = 0, stack = 0; // where its program and its first stack begin; 0: not told
};
Result<ProcStat> parse_proc_stat(std::string_view text);

struct ProcStatus {
    image::Credentials credentials;
    std::vector<gid_t> groups;
    pid_t tracer = 0;
    pid_t inner_pid = 0; // in its own PID namespace
};
Result<ProcStatus> parse_proc_status(std::string_view text);

// ESRCH if there is none, zombies included: they have ended.
Result<ProcStat> look_stat(pid_t pid);
Result<ProcStatus> look_status(pid_t pid);
// The whole command line with spaces, or "[name]"; printable.
std::string command_line(pid_t pid);
Nanos ticks_to_time(uint64_t ticks);
// "root"; the number if it has no name.
std::string user_name(uid_t uid);
// Whether there is a runtime in its memory: it has been away, or is, and has executed nothing
// since.
bool has_runtime(pid_t pid);
// Direct children of all its threads.
std::vector<pid_t> children_of(pid_t pid);

} // namespace rove::node
