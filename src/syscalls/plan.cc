// SPDX-License-Identifier: Apache-2.0
// Plan: the regular walker, which follows a row's arguments. See plan.hh.
#include "syscalls/plan.hh"

#include "abi/x86_64/numbers.hh"
#include "syscalls/builder.hh"

namespace rove::syscalls {

namespace {

/// A buffer whose length is argument `n`, of elements of `size` bytes.
struct Buffer {
    unsigned index;
    unsigned n;
    uint64_t size;
};

/// Some calls (write, read) may be cut and continued, those that fill a buffer may be cut; for what
/// goes in as a whole there is room or not.
enum class Cut { never, shorten, to_be_continued };

int add_buffer(Builder& build, Buffer const& buffer, Direction direction, Clip clip, Cut cut) {
    Plan& plan = build.plan;
    uint64_t address = plan.args[buffer.index];
    uint64_t count = plan.args[buffer.n];
    if (address == 0) return -1;
    if (cut == Cut::to_be_continued && build.limits.done != 0) {
        address += build.limits.done;
        count -= build.limits.done;
        plan.args[buffer.index] = address;
        plan.args[buffer.n] = count;
    }
    // Negative lengths and sums beyond the address space are the kernel's to refuse.
    if (count > uint64_t{1} << 47) return build.hole(argument(buffer.index));
    if (cut == Cut::to_be_continued && count > transfer_max) count = transfer_max;
    if (cut != Cut::never && count * buffer.size > plan.bytes_max) {
        count = plan.bytes_max / buffer.size;
        plan.args[buffer.n] = count;
        plan.cut = cut == Cut::to_be_continued;
        plan.cut_at = count;
    }
    return build.add(argument(buffer.index), address, count * buffer.size, direction, clip,
        static_cast<uint16_t>(clip == Clip::by_result_unit ? buffer.size : 0));
}

void add_deref(Builder& build, unsigned index, unsigned n) {
    Plan& plan = build.plan;
    uint64_t const address = plan.args[index];
    uint32_t length = 0;
    if (address == 0) return;
    if (!build.read(&length, plan.args[n], sizeof length) || static_cast<int32_t>(length) < 0) {
        build.hole(argument(index));
        return;
    }
    int const made = build.out(argument(index), address, length, Clip::by_u32);
    if (made >= 0)
        build.segment(made).other =
            static_cast<uint8_t>(n); // the argument for now, see settle_lengths
}

/// by_u32 was noted with the argument's number; now its segment exists.
void settle_lengths(Plan& plan) {
    for (unsigned i = 0; i < plan.count; ++i) {
        Segment& s = plan.segments[i];
        if (s.clip != Clip::by_u32) continue;
        unsigned const n = s.other;
        for (unsigned k = 0; k < plan.count; ++k)
            if (plan.segments[k].holder == n) s.other = static_cast<uint8_t>(k);
    }
}

void walk_regular(Builder& build, Row const& row) {
    Plan& plan = build.plan;
    bool deref = false;
    for (unsigned i = 0; i < 6; ++i) {
        Argument const& a = row.args[i];
        uint64_t const address = plan.args[i];
        Holder const here = argument(i);
        Buffer const bytes{i, a.n, 1};
        Buffer const elements{i, a.n, a.size};
        switch (a.kind) {
        case Kind::none:
            i = 6;
            break;
        case Kind::val:
        case Kind::fd:
        case Kind::pid:
        case Kind::strings:
        case Kind::by_hand:
            break;
        case Kind::path:
            build.path(here, address);
            break;
        case Kind::in:
            add_buffer(build, bytes, Direction::in, Clip::whole, Cut::never);
            break;
        case Kind::out:
            add_buffer(build, bytes, Direction::out, Clip::by_result, Cut::shorten);
            break;
        case Kind::out_whole:
            add_buffer(build, bytes, Direction::out, Clip::whole, Cut::never);
            break;
        case Kind::in_stream:
            add_buffer(build, bytes, Direction::in, Clip::whole, Cut::to_be_continued);
            break;
        case Kind::out_stream:
            add_buffer(build, bytes, Direction::out, Clip::by_result, Cut::to_be_continued);
            break;
        case Kind::in_of:
            build.in(here, address, a.size);
            break;
        case Kind::out_of:
            build.out(here, address, a.size);
            break;
        case Kind::out_of_nonzero:
            build.out(here, address, a.size, Clip::if_result);
            break;
        case Kind::inout_of:
            build.inout(here, address, a.size);
            break;
        case Kind::inout_always:
            build.inout(here, address, a.size, flag_on_error | flag_forgiving);
            break;
        case Kind::inout_on_error:
            build.inout(here, address, a.size, flag_on_error);
            break;
        case Kind::in_array:
            add_buffer(build, elements, Direction::in, Clip::whole, Cut::never);
            break;
        case Kind::out_array:
            add_buffer(build, elements, Direction::out, Clip::by_result_unit, Cut::shorten);
            break;
        case Kind::inout_array:
            add_buffer(build, elements, Direction::inout, Clip::whole, Cut::never);
            break;
        case Kind::out_deref:
            add_deref(build, i, a.n);
            deref = true;
            break;
        }
    }
    if (deref) settle_lengths(plan);
    if (build.limits.done != 0 && (plan.nr == abi::nr_pread64 || plan.nr == abi::nr_pwrite64))
        plan.args[3] += build.limits.done;
}

Verdict walk(Builder& build, Walker walker) {
    switch (walker) {
    case Walker::none:
        break;
#define CASE(name)                                                                                 \
    case Walker::name:                                                                             \
        return walk_##name(build);
        CASE(vector)
        CASE(sendmsg)
        CASE(recvmsg)
        CASE(sendmmsg)
        CASE(recvmmsg)
        CASE(sockopt)
        CASE(ioctl)
        CASE(fcntl)
        CASE(select)
        CASE(clock)
        CASE(itimer)
        CASE(sigevent)
        CASE(mmap)
        CASE(clone)
        CASE(prctl)
        CASE(arch_prctl)
        CASE(personality)
        CASE(robust)
        CASE(scheduler)
        CASE(capability)
        CASE(mempolicy)
        CASE(sysv_control)
        CASE(sysv_message)
        CASE(keyctl)
        CASE(quotactl)
        CASE(mount)
        CASE(fsconfig)
        CASE(sysfs)
        CASE(file_handle)
        CASE(landlock)
        CASE(statmount)
        CASE(lsm)
        CASE(xattrat)
#undef CASE
    }
    return Verdict::comes_home;
}

Verdict verdict_of(Who who) {
    switch (who) {
    case Who::local:
        return Verdict::local;
    case Who::forward:
    case Who::by_fd:
    case Who::by_pid:
        return Verdict::forward;
    case Who::special:
    case Who::by_guest:
        return Verdict::special;
    case Who::absent:
        return Verdict::absent;
    case Who::unlisted:
    case Who::comes_home:
        break;
    }
    return Verdict::comes_home;
}

} // namespace

void begin_plan(Plan& plan, unsigned long nr, uint64_t const args[6], Limits const& limits) {
    for (unsigned i = 0; i < 6; ++i)
        plan.args[i] = args[i];
    plan.answer = 0;
    plan.nr = static_cast<uint16_t>(nr);
    plan.count = 0;
    plan.cut = false;
    plan.cut_at = 0;
    plan.in_bytes = plan.out_bytes_max = 0;
    plan.bytes_max = limits.bytes_max;
    plan.local_used = plan.pieces_used = 0;
}

Verdict make_plan(Plan& plan, unsigned long nr, uint64_t const args[6], UserMemory const& user,
    Limits const& limits) {
    Row const& row = row_of(nr);
    begin_plan(plan, nr, args, limits);
    Verdict verdict = verdict_of(row.who);
    if (verdict != Verdict::forward && verdict != Verdict::special &&
        row.args[0].kind != Kind::by_hand)
        return verdict;
    Builder build(plan, user, limits);
    if (row.args[0].kind == Kind::by_hand)
        verdict = walk(build, static_cast<Walker>(row.args[0].size));
    else
        walk_regular(build, row);
    if (build.overflow && (verdict == Verdict::forward || verdict == Verdict::special))
        return Verdict::comes_home;
    return verdict;
}

} // namespace rove::syscalls
