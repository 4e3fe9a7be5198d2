// SPDX-License-Identifier: Apache-2.0
// Network: the lab's switch, the nodes' links to it, their rates, and what is cut.
#include "lab/network.hh"

#include <algorithm>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/files.hh"
#include "lab/places.hh"
#include "lab/tool.hh"

namespace rove::lab {

namespace {

Result<Fd> open_switch(std::string_view lab) {
    return open_file(switch_path(lab), O_RDONLY);
}

Status shape(std::string_view device, uint64_t rate_bits, int net_ns) {
    if (rate_bits == 0) return {};
    return run_tool({"tc", "-batch", "-"}, shape_command(device, rate_bits), net_ns);
}

// Where the kernel passes what is bridged through the packet filter, which in a namespace that has
// no rules does nothing but take time, it is told not to.
void leave_packets_alone() {
    for (char const* each : {"arptables", "iptables", "ip6tables"}) {
        std::string path = fmt::format("/proc/sys/net/bridge/bridge-nf-call-{}", each);
        if (int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC); file >= 0) {
            (void)!::write(file, "0", 1);
            ::close(file);
        }
    }
}

} // namespace

Status make_switch(std::string_view lab) {
    std::string path = switch_path(lab);
    { Fd file = TRY(open_file(path, O_RDONLY | O_CREAT, 0600)); }
    // The namespace is made in a child, so that we ourselves stay where we are.
    pid_t child = ::fork();
    if (child < 0) return fail(errno, "cannot fork");
    if (child == 0) {
        bool done = ::unshare(CLONE_NEWNET) == 0;
        if (done) leave_packets_alone();
        done = done && ::mount("/proc/self/ns/net", path.c_str(), nullptr, MS_BIND, nullptr) == 0;
        ::_exit(done ? 0 : errno);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return fail(WEXITSTATUS(status), "cannot make the lab's network namespace");
    Fd net_ns = TRY(open_switch(lab));
    return run_tool({"ip", "-batch", "-"},
        "link set lo up\n"
        "link add br0 type bridge stp_state 0 mcast_snooping 0\n"
        "link set br0 up\n",
        net_ns.number());
}

Status remove_switch(std::string_view lab) {
    std::string path = switch_path(lab);
    if (!exists(path)) return {};
    // Links that are removed by hand are gone at once; those that go with their namespace go later.
    // The group holds all that plug() made; an empty one is an error, and no harm.
    if (auto net_ns = open_switch(lab))
        (void)run_tool(
            {"ip", "-force", "-batch", "-"}, "link del group 77\nlink del br0\n", net_ns->number());
    while (::umount2(path.c_str(), MNT_DETACH) == 0) {
    }
    if (::unlink(path.c_str()) < 0 && errno != ENOENT) return fail(errno, "cannot remove {}", path);
    return {};
}

Status plug(Plan const& plan, NodePlan const& node, pid_t init) {
    Fd outside = TRY(open_switch(plan.name));
    Fd inside = TRY(open_file(fmt::format("/proc/{}/ns/net", init), O_RDONLY));
    TRY(run_tool({"ip", "-batch", "-"}, switch_commands(plan, node, init), outside.number()));
    TRY(run_tool({"ip", "-batch", "-"}, node_commands(plan, node), inside.number()));
    TRY(shape(node.name, node.rate_bits, outside.number()));
    return shape("eth0", node.rate_bits, inside.number());
}

Status unplug(Plan const& plan, std::string_view node) {
    Fd outside = TRY(open_switch(plan.name));
    // -force: the link may be gone already, with the node's namespace.
    (void)run_tool(
        {"ip", "-force", "-batch", "-"}, fmt::format("link del {}\n", node), outside.number());
    return {};
}

Status apply_cuts(Plan const& plan) {
    Fd outside = TRY(open_switch(plan.name));
    return run_tool({"nft", "-f", "-"}, cut_rules(plan), outside.number());
}

std::string switch_commands(Plan const& plan, NodePlan const& node, pid_t init) {
    return fmt::format("link add {0} group 77 type veth peer name eth0 address {1} netns {2}\n"
                       "link set {0} master br0 up\n",
        node.name, plan.mac_of(node.name), init);
}

std::string node_commands(Plan const& plan, NodePlan const& node) {
    std::string text = fmt::format("link set lo up\n"
                                   "addr add {}/24 brd + dev eth0\n"
                                   "link set eth0 up\n",
        plan.address_of(node.name));
    for (NodePlan const& other : plan.nodes)
        if (other.name != node.name)
            text += fmt::format("neigh replace {} lladdr {} dev eth0 nud permanent\n",
                plan.address_of(other.name), plan.mac_of(other.name));
    return text;
}

std::string shape_command(std::string_view device, uint64_t rate_bits) {
    // The burst is 1 ms of the rate, within what holds a full segment and what 10 Gbit/s needs to
    // be reached with a timer that fires a thousand times a second.
    uint64_t burst = std::clamp<uint64_t>(rate_bits / 8 / 1000, 16 * 1024, 16 * 1024 * 1024);
    return fmt::format("qdisc replace dev {} root tbf rate {}bit burst {}b latency 50ms\n", device,
        std::max<uint64_t>(rate_bits, 8), burst);
}

std::string cut_rules(Plan const& plan) {
    std::string rules;
    auto drop = [&](std::string const& match) { rules += "  " + match + " drop\n"; };
    for (std::string const& node : plan.dark) {
        drop(fmt::format("iifname \"{}\"", node));
        drop(fmt::format("oifname \"{}\"", node));
    }
    for (auto const& [a, b] : plan.cuts) {
        drop(fmt::format("iifname \"{}\" oifname \"{}\"", a, b));
        drop(fmt::format("iifname \"{}\" oifname \"{}\"", b, a));
    }
    // Declared first, so that there is something to flush; all of it takes effect at one instant.
    return "table bridge lab\n"
           "flush table bridge lab\n"
           "table bridge lab {\n"
           " chain cuts {\n"
           "  type filter hook forward priority 0\n" +
           rules + " }\n}\n";
}

} // namespace rove::lab
