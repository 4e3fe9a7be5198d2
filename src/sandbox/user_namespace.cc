// SPDX-License-Identifier: Apache-2.0
// User namespace: see user_namespace.hh.
#include "sandbox/user_namespace.hh"

#include <grp.h>
#include <sched.h>
#include <unistd.h>

#include "sys/files.hh"
#include "sys/namespaces.hh"
#include "sys/process.hh"

namespace rove::sandbox {

Result<pid_t> start_in_namespaces(
    uint32_t outside_uid, uint32_t outside_gid, std::function<int(pid_t)> const& body) {
    auto go = TRY(sys::pipe());
    auto child = TRY(sys::fork_running(
        [&]() -> int {
            go.writer.close();
            pid_t outside = 0;
            if (!sys::read_exact(go.reader.number(), &outside, sizeof outside)) return 1;
            // Being root inside before the exec gives all capabilities of the namespace after it.
            if (setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0) return 1;
            return body(outside);
        },
        CLONE_NEWUSER | CLONE_NEWPID));

    std::vector<sys::IdRange> uids{{warden_uid, geteuid(), 1}}, gids{{0, getegid(), 1}};
    bool other_user = outside_uid != 0 && outside_uid != geteuid();
    if (other_user) {
        uids.push_back({guest_uid, outside_uid, 1});
        gids.push_back({guest_uid, outside_gid, 1});
    }
    TRY(sys::write_uid_map(child.pid, uids));
    TRY(sys::write_gid_map(child.pid, gids, geteuid() != 0));
    TRY(sys::write_all(go.writer.number(),
        ByteView(reinterpret_cast<uint8_t const*>(&child.pid), sizeof child.pid)));
    return child.pid;
}

void forbid_user_namespaces() {
    // The file belongs to the namespace of whoever opens it.
    (void)sys::write_knob("/proc/sys/user/max_user_namespaces", "0");
}

} // namespace rove::sandbox
