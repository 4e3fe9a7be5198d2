// SPDX-License-Identifier: Apache-2.0
// Looks: what keeps processes from leaving, asked of a looker (migrate/look.cc) when somebody wants
// to know.
//
// A reason that a look can see ends with the first look that does not see it. What only shows when
// a process is frozen, or from inside, was found by a move that failed: it holds until the next
// one, but not for long.
#include <algorithm>

#include <spdlog/spdlog.h>

#include "node/node.hh"
#include "node/proc.hh"
#include "node/reasons.hh"

namespace rove::node {

using wire::Place;

namespace {

constexpr Nanos quick_patience = std::chrono::milliseconds(500), patience = std::chrono::seconds(3);
constexpr Nanos fresh = std::chrono::milliseconds(200); // for a quick look
constexpr Nanos unseen_max = std::chrono::minutes(1);
constexpr size_t looked_max = 200; // at once: the answer is one packet

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}
bool from_outside(std::string_view word, bool quick) {
    if (one_of(word, {"cpu_timer", "ptrace", "large_mapping", "shared_file_mapping", "privileged",
                         "not_permitted"}))
        return false;
    return !quick ||
           !one_of(word, {"hugetlbfs", "kvm_or_device_memory", "userfaultfd", "shadow_stack"});
}

// A process that is being moved is traced by its steward, and is told about by it.
bool at_rest(Process const& process, std::string const& here) {
    return !process.ended && process.place == Place::home && process.host == here &&
           !process.moving && !process.running && !process.turn.busy();
}

} // namespace

Task<> Node::look(std::vector<ProcessPtr> which, bool quick) {
    Nanos now = monotonic_now();
    wire::LookOrder order;
    order.question = ++last_question_;
    order.quick = quick ? 1 : 0;
    for (ProcessPtr const& process : which) {
        if (!at_rest(*process, name_) ||
            (quick && now - process->looked_at < fresh && process->looked_at.count() != 0))
            continue;
        process->looked_at = now;
        order.processes.push_back(process->identity);
        if (process->steward) order.watched.push_back(process->pid());
        if (order.processes.size() == looked_max) break;
    }
    if (order.processes.empty()) co_return;
    auto looking = std::make_shared<Looking>(io_, quick);
    looking_[order.question] = looking;
    auto looker = keepers_.spawn("look", {}, wire::encode(order));
    if (looker)
        (void)co_await looking->done.wait(quick ? quick_patience : patience);
    else
        spdlog::warn("cannot look at processes: {}", looker.error().sentence());
    looking_.erase(order.question);
}

void Node::looked(wire::Looked const& looked) {
    auto asked = looking_.find(looked.question);
    if (asked == looking_.end()) return;
    auto looking = asked->second;
    Nanos now = monotonic_now();
    for (wire::Sight const& sight : looked.sights) {
        auto process = find(sight.identity.pid);
        if (!process || process->identity != sight.identity || !at_rest(*process, name_)) continue;
        Reason const* reason = find_reason(sight.reason);
        if (reason && reason->passes == Passes::at_once) continue;
        bool ends =
            from_outside(process->reason, looking->quick) || now - process->reason_at > unseen_max;
        if (!sight.reason.empty())
            process->confine(sight.reason, sight.text, now);
        else if (ends)
            process->confine("", "", now);
    }
    looking->done.set();
}

image::Objection Node::objection(Process const& process, uid_t asker) const {
    auto status = look_status(process.pid());
    return status ? image::objection(status->credentials, asker, config_.flag("move.root"))
                  : image::Objection{};
}

Node::Confined Node::confined(Process const& process) const {
    if (process.place != Place::home || process.host != name_) return {};
    auto objects = objection(process, process.asker);
    if (!objects.word.empty()) return {objects.word, objects.text};
    if (!process.debuggers.empty()) return {"debugged", find_reason("debugged")->sentence};
    return {process.reason, process.reason_text};
}

} // namespace rove::node
