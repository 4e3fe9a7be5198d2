// SPDX-License-Identifier: Apache-2.0
// Socket options: setsockopt and getsockopt, whose values are plain bytes but for a few that point
// further.
#include "abi/x86_64/numbers.hh"
#include "syscalls/builder.hh"

namespace rove::syscalls {

namespace {

constexpr uint64_t sol_socket = 1, sol_tcp = 6;
constexpr uint64_t so_attach_filter = 26, so_attach_reuseport_cbpf = 51, so_zerocopy = 60;
constexpr uint64_t tcp_zerocopy_receive = 35;
constexpr uint64_t netfilter_first = 64,
                   netfilter_last =
                       130; // tables of iptables, ebtables: pointers and sizes of their own

bool is_netfilter(uint64_t level, uint64_t name) {
    return (level == 0 || level == 41) && name >= netfilter_first && name <= netfilter_last &&
           !(level == 41 && name >= 66 && name <= 79) && !(level == 0 && name == 80) &&
           !(level == 41 && name == 80); // IPV6_TCLASS etc. and SO_ORIGINAL_DST are plain
}

/// struct sock_fprog: a count and a pointer to so many instructions of 8 bytes.
void walk_program(Builder& build) {
    Plan& plan = build.plan;
    struct Program {
        uint16_t count;
        uint16_t pad[3];
        uint64_t instructions;
    };
    auto* const program = static_cast<Program*>(build.local(sizeof(Program)));
    if (!program || !build.read_or_hole(argument(3), program, plan.args[3], sizeof *program))
        return;
    int const index = build.in(argument(3), reinterpret_cast<uint64_t>(program), sizeof *program);
    build.in(inside(index, 8), program->instructions, uint64_t{program->count} * 8);
}

} // namespace

WALKER(sockopt) {
    Plan& plan = build.plan;
    uint64_t const level = static_cast<uint32_t>(plan.args[1]);
    uint64_t const name = static_cast<uint32_t>(plan.args[2]);
    if (plan.nr == abi::nr_setsockopt) {
        auto const length = static_cast<int32_t>(plan.args[4]);
        if (is_netfilter(level, name) || (level == sol_socket && name == so_zerocopy))
            return Verdict::comes_home;
        if (level == sol_socket && (name == so_attach_filter || name == so_attach_reuseport_cbpf))
            walk_program(build);
        else if (length >= 0)
            build.in(argument(3), plan.args[3], static_cast<uint64_t>(length));
        else
            build.hole(argument(3));
        return Verdict::forward;
    }
    if (level == sol_tcp && name == tcp_zerocopy_receive) return Verdict::comes_home;
    uint32_t length = 0;
    bool const known = plan.args[4] != 0 && build.read(&length, plan.args[4], sizeof length);
    int const size = build.inout(argument(4), plan.args[4], sizeof length);
    if (!known || static_cast<int32_t>(length) < 0) {
        if (plan.args[3] != 0) build.hole(argument(3));
        return Verdict::forward;
    }
    // SO_GET_FILTER counts instructions of 8 bytes.
    bool const filter = level == sol_socket && name == so_attach_filter;
    uint64_t const bytes = filter ? uint64_t{length} * 8 : length;
    // Some options look at the buffer before they fill it.
    int const value = build.add(
        argument(3), plan.args[3], bytes, Direction::inout, filter ? Clip::whole : Clip::by_u32);
    if (value >= 0 && size >= 0) build.segment(value).other = static_cast<uint8_t>(size);
    return Verdict::forward;
}

} // namespace rove::syscalls
