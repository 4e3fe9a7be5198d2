// SPDX-License-Identifier: Apache-2.0
// Enrol: how a process becomes a program, and what a program means for its processes.
//
// A program that is begun inside another has a group of its own beside that one's. What its starter
// has not said holds as it was said for the outer one, which ends, and reports, after all that were
// begun inside it. Who is a program already and becomes one again is the same program with another
// wish.
#include <algorithm>

#include "node/node.hh"
#include "node/proc.hh"
#include "node/program_group.hh"
#include "node/readable.hh"
#include "node/report.hh"
#include "sys/process.hh"

namespace rove::node {

namespace {

void inherit(ProgramWish& wish, ProgramWish const& outer) {
    if (!wish.placed) wish.on = outer.on;
    wish.stay |= outer.stay;
    wish.no_patch |= outer.no_patch;
    if (wish.cpu_level == CpuLevel::any) wish.cpu_level = outer.cpu_level;
    if (wish.storm_ms == 0) {
        wish.storm_ms = outer.storm_ms;
        wish.seed = outer.seed;
    }
}

// Two reports need two programs.
bool is_again(Program const& known, Program const& program) {
    return known.root == program.root && known.uid == program.uid &&
           (known.wish.report.empty() || program.wish.report.empty());
}

} // namespace

Task<Result<Program*>> Node::make_program(Caller caller, pid_t root, ProgramWish wish) {
    auto program = prepare_program(caller.uid, root, wish);
    if (!program) co_return tl::unexpected(program.error());
    auto checked = co_await check_report(io_, *program);
    if (!checked) co_return tl::unexpected(checked.error());
    // That took a while.
    if (is_readable((*program)->root_pidfd.number()))
        co_return deny(ESRCH, "process {} has ended", root);
    if (root == caller.pid)
        if (Status same = same_caller(caller); !same) co_return tl::unexpected(same.error());
    co_return begin_program(*program);
}

Result<std::shared_ptr<Program>> Node::prepare_program(uid_t asker, pid_t root, ProgramWish wish) {
    auto program = std::make_shared<Program>();
    program->root_pidfd = TRY(sys::pidfd_open(root));
    auto stat = TRY(look_stat(root));
    auto status = TRY(look_status(root));
    program->root = wire::Identity{name_, incarnation_, root, stat.start_time};
    program->wish = std::move(wish);
    program->uid = asker;
    program->gid = status.credentials.gids[0];
    program->groups = status.groups;
    TRY(take_report_descriptor(*program));
    return program;
}

Result<Program*> Node::begin_program(std::shared_ptr<Program> program) {
    Program* outer = program_around(program->root.pid);
    if (outer) inherit(program->wish, outer->wish);
    auto known = find(program->root.pid);
    if (outer && known && is_again(*outer, *program)) {
        if (program->wish.report.empty()) {
            program->wish.report = outer->wish.report;
            program->report_to = std::move(outer->report_to);
        }
        outer->wish = program->wish;
        outer->report_to = std::move(program->report_to);
        outer->gid = program->gid;
        outer->groups = program->groups;
        enrol(known, *outer);
        save();
        return outer;
    }
    int64_t limit = config_.number("run.programs");
    auto others = std::count_if(programs_.begin(), programs_.end(),
        [&](auto const& each) { return each.second->uid == program->uid; });
    if (program->uid != 0 && others >= limit)
        return deny(EAGAIN, "user {} has {} programs, and run.programs allows no more",
            program->uid, others);
    program->id = ++last_program_;
    program->outer = outer ? outer->id : 0;
    program->group = TRY(make_program_group(program->root.pid,
        fmt::format("{}{:x}-{}", program_prefix, incarnation_ & 0xffffff, program->id)));
    // The watch over none is a slow one.
    if (programs_.empty()) watch_due_.cancel();
    programs_[program->id] = program;
    // A process that was in another program belongs to the newer one.
    if (known)
        enrol(known, *program);
    else
        known = meet(program->root.pid, program->id);
    if (!known) return deny(ESRCH, "process {} has ended", program->root.pid);
    // Where its starter has said nothing, it goes where the outer one is to be.
    if (!program->wish.placed && !known->anchor.empty()) start(io_, go_back(known));
    save();
    return program.get();
}

// Whether it has been met there or not.
Program* Node::program_around(pid_t pid) {
    auto group = present_group(pid);
    if (!group) return nullptr;
    Program* around = nullptr;
    for (auto& [id, program] : programs_) {
        bool in = (*group + "/").starts_with(program->group + "/");
        if (in && (!around || program->group.size() > around->group.size())) around = program.get();
    }
    return around;
}

void Node::enrol(ProcessPtr const& process, Program& program) {
    ProgramWish const& wish = program.wish;
    process->program = program.id;
    process->number = program.met++;
    process->storm_step = 0;
    process->asker = program.uid;
    process->locked |= wish.stay;
    if (wish.placed || !wish.on.empty()) process->anchor = wish.on == name_ ? "" : wish.on;
    // A process that exists before it was registered is older than we know; it counts from now.
    if (wish.storm_ms > 0 && !std::exchange(process->storming, true)) start(io_, storm(process));
}

} // namespace rove::node
