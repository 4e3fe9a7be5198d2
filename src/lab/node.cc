// SPDX-License-Identifier: Apache-2.0
// Node: brings one node of a lab to life, and takes its power away.
#include "lab/node.hh"

#include <csignal>

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.hh"
#include "lab/daemon.hh"
#include "lab/files.hh"
#include "lab/hierarchies.hh"
#include "lab/init.hh"
#include "lab/network.hh"
#include "lab/places.hh"
#include "lab/swap.hh"

namespace rove::lab {

Status boot(Plan const& plan, NodePlan const& node) {
    auto all = TRY(find_hierarchies());
    TRY(make_dir(node_dir(plan.name, node.name), 0700));
    char const* more = ::getenv("ROVE_LAB_CONFIG");
    std::string config = daemon_config(plan, node) + (more ? std::string(more) + "\n" : "");
    TRY(replace_file(config_path(plan.name, node.name), config, 0600));
    TRY(make_cgroups(all, plan, node));
    TRY(swap_on(plan.name, node));
    Init init = TRY(Init::start(all, plan, node));
    TRY(plug(plan, node, init.pid()));
    return init.go(Deadline::after(std::chrono::seconds(10)));
}

Status halt(Plan const& plan, NodePlan const& node, Deadline deadline) {
    auto all = TRY(find_hierarchies());
    if (auto init = running_init(plan.name, node.name)) {
        Fd process(static_cast<int>(::syscall(SYS_pidfd_open, *init, 0)));
        (void)::kill(*init, SIGKILL);
        // Frozen processes of the node do not die before they are thawed, which this does.
        TRY(kill_cgroups(all, plan.name, node.name, deadline));
        pollfd wait{process.number(), POLLIN, 0};
        while (process && ::poll(&wait, 1, deadline.poll_ms()) < 0 && errno == EINTR) {
        }
        // Its own child, if we are the one that booted it.
        (void)::waitpid(*init, nullptr, WNOHANG);
    }
    TRY(kill_cgroups(all, plan.name, node.name, deadline));
    (void)::unlink(init_path(plan.name, node.name).c_str());
    TRY(unplug(plan, node.name));
    TRY(swap_off(plan.name, node.name));
    return remove_cgroups(all, plan.name, node.name, deadline);
}

NodeState state_of(std::string_view lab, std::string_view node) {
    auto init = running_init(lab, node);
    if (!init) return NodeState::killed;
    return find_daemons(*init).empty() ? NodeState::daemon_down : NodeState::up;
}

char const* name_of(NodeState state) {
    switch (state) {
    case NodeState::up:
        return "up";
    case NodeState::daemon_down:
        return "daemon-down";
    case NodeState::killed:
        return "killed";
    }
    return "?";
}

} // namespace rove::lab
