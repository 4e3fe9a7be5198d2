// SPDX-License-Identifier: Apache-2.0
// Scene: a snapshot for tests, in few words.
#pragma once

#include <vector>

#include "policy/decide.hh"

namespace rove::policy {

constexpr uint64_t gib = 1ull << 30;

struct Scene {
    Knobs knobs;
    Snapshot snapshot;
    std::vector<NodeView> nodes;
    std::vector<ProcessView> processes;
    Notes notes;

    Scene() { snapshot.self = node(0, 0); }
    static NodeView node(NodeIndex index, double load) {
        NodeView view;
        view.node = index;
        view.load = static_cast<float>(load);
        view.memory_total = 16 * gib;
        view.memory_free = 16 * gib;
        view.features = 1;
        return view;
    }
    NodeView& with_node(double load) {
        nodes.push_back(node(static_cast<NodeIndex>(nodes.size() + 1), load));
        return nodes.back();
    }
    // One that has run for a while.
    ProcessView& with_process(double cpu_s = 60) {
        ProcessView view;
        view.id = processes.size() + 1;
        view.home = 0;
        view.cpu_s = static_cast<float>(cpu_s);
        view.here_s = static_cast<float>(cpu_s);
        view.memory = 10 << 20;
        view.features = 1;
        processes.push_back(view);
        return processes.back();
    }
    ProcessView& with_guest(NodeIndex home) {
        ProcessView& view = with_process();
        view.guest = 1;
        view.home = home;
        return view;
    }
    Decision decide(uint64_t seed = 1) {
        snapshot.self.load = snapshot.foreign;
        for (ProcessView const& process : processes)
            if (!process.moving) snapshot.self.load += process.demand;
        for (NodeView const& each : nodes)
            snapshot.fastest = std::max(snapshot.fastest, each.speed);
        snapshot.nodes = nodes;
        snapshot.processes = processes;
        Random random(seed);
        notes.clear();
        return policy::decide(snapshot, knobs, random, &notes);
    }
    Verdict verdict(uint64_t process) const {
        for (Note const& note : notes)
            if (note.process == process) return note.verdict;
        return Verdict::not_crowded;
    }
};

} // namespace rove::policy
