// SPDX-License-Identifier: Apache-2.0
// Scenario: a cluster, what it is given to do, what happens to it, and what must come out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.hh"
#include "policy/knobs.hh"

namespace rove::sim {

struct NodeGroup {
    uint32_t count = 1;
    double cores = 1, speed = 1;
    uint64_t memory = 16ull << 30;
    uint64_t features = 1;
    bool absent = false; // until an event lets it join
};

enum class Sizes : uint8_t { lifetime, uniform, fixed };
enum class Source : uint8_t { poisson, batch, swf, peaks };

struct Workload {
    Source source = Source::batch;
    Sizes sizes = Sizes::lifetime;
    double begin_s = 0;
    double seconds = 600;     // poisson, peaks: for how long they arrive
    double utilisation = 0.7; // poisson: of the whole cluster's cores
    uint32_t count = 100;     // batch: how many; peaks: at a time
    double size_s = 1;        // the least CPU time (lifetime, uniform), or the only one
    double size_max_s = 1000;
    double every_s = 60; // peaks
    double demand = 1, calls = 0;
    uint64_t memory = 16ull << 20;
    uint64_t memory_max = 0;            // uniform between both; 0: all alike
    uint32_t kind = 0;                  // of the executable; 0: each is another one
    uint32_t first_home = 0, homes = 0; // which nodes they start on; 0: all
    bool native = false;                // peaks: not Rove's, only a load on the node
    std::string file;                   // swf
    double compress = 1;                // swf: time between submissions divided by this
    uint32_t jobs_max = 0;              // swf: so many are read; 0: all
};

enum class Happening : uint8_t { kill, drain, block, join, split, heal };
struct Happens {
    double at_s = 0;
    Happening what = Happening::kill;
    uint32_t first = 0, count = 1; // nodes; split: those against the others
};

struct Expectation {
    std::string policy, figure;
    double most = 0;
};

struct Scenario {
    std::string name, about;
    uint64_t seed = 1;
    std::vector<NodeGroup> nodes;
    std::vector<Workload> workloads;
    std::vector<Happens> events;
    std::vector<std::string> policies;
    std::vector<Expectation> expect;
    policy::Knobs knobs;

    double delay_s = 0.0002, loss = 0; // of messages
    double move_fixed_s = 0.025, move_per_mb_s = 0.0007, move_noise = 0.1;
    double period_s = 0.5;      // of decisions, and of the gossip
    uint32_t window = 20;       // entries per message
    uint32_t board_width = 256; // of the fast board: so many entries are kept of a large cluster
    bool real_gossip = false;   // the core of src/gossip instead of the fast board
    double thrash = 4;          // how much slower a node becomes whose memory is demanded twice
    double limit_s = 1e7;       // of virtual time

    uint32_t node_count() const;
    double power() const; // cores times speed, of all nodes that are there from the beginning
};

Result<Scenario> parse_scenario(std::string const& text, std::string const& source);

} // namespace rove::sim
