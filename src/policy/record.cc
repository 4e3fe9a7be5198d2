// SPDX-License-Identifier: Apache-2.0
// Record: the descriptions of what it holds.
#include "policy/record.hh"

#include <algorithm>
#include <cstring>

#include "wire/describe.hh"

namespace rove::policy {

template <class V> void describe(V& v, NodeView& m) {
    v.field("node", m.node);
    v.field("age_s", m.age_s);
    v.field("load", m.load);
    v.field("cores", m.cores);
    v.field("speed", m.speed);
    v.field("takes", m.takes);
    v.field("crowded", m.crowded);
    v.field("deserted", m.deserted);
    v.field("memory_total", m.memory_total);
    v.field("memory_free", m.memory_free);
    v.field("memory_movable", m.memory_movable);
    v.field("features", m.features);
    v.field("round_trip_s", m.round_trip_s);
}
template <class V> void describe(V& v, Partner& m) {
    v.field("node", m.node);
    v.field("messages", m.messages);
}
template <class V> void describe(V& v, ProcessView& m) {
    v.field("id", m.id);
    v.field("home", m.home);
    v.field("cpu_s", m.cpu_s);
    v.field("demand", m.demand);
    v.field("here_s", m.here_s);
    v.field("expected_s", m.expected_s);
    v.field("moved_s", m.moved_s);
    v.field("calls", m.calls);
    v.field("guest", m.guest);
    v.field("stays", m.stays);
    v.field("confined", m.confined);
    v.field("moving", m.moving);
    v.field("memory", m.memory);
    v.field("features", m.features);
    for (Partner& partner : m.partners)
        v.field("partner", partner);
}
template <class V> void describe(V& v, Snapshot& m) {
    v.field("self", m.self);
    v.field("foreign", m.foreign);
    v.field("foreign_lasts_s", m.foreign_lasts_s);
    v.field("fastest", m.fastest);
    v.field("stance", m.stance);
    v.field("ushering", m.ushering);
    v.field("departing", m.departing);
    v.field("room_wanted", m.room_wanted);
    v.field("cost", m.cost);
}
template <class V> void describe(V& v, Order& m) {
    v.field("process", m.process);
    v.field("to", m.to);
    v.field("why", m.why);
    v.field("stretch_max", m.stretch_max);
}
template <class V> void describe(V& v, Record& m) {
    v.field("version", m.version);
    v.field("now_s", m.now_s);
    v.field("seed", m.seed);
    v.field("knobs", m.knobs);
    v.field("snapshot", m.snapshot);
    v.field("nodes", m.nodes);
    v.field("processes", m.processes);
    v.field("orders", m.orders);
}

namespace {
// Whether all numbers are such as the policy can count with: a log may be broken, or forged.
class Bounds {
public:
    bool kept = true;
    template <wire::Scalar T> void field(char const*, T& value) {
        if constexpr (std::is_floating_point_v<T>) kept = kept && value >= 0 && value <= 1e18;
        if constexpr (std::is_enum_v<T>) kept = kept && static_cast<unsigned>(value) < 16;
    }
    template <class T> void field(char const* name, std::vector<T>& list) {
        for (T& item : list)
            field(name, item);
    }
    template <class T>
    requires(!wire::Scalar<T>) void field(char const*, T& nested) { describe(*this, nested); }
};
} // namespace

Record make_record(Snapshot const& snapshot, Knobs const& knobs, uint64_t seed, double now_s,
    Decision const& decision) {
    Record record;
    record.now_s = now_s;
    record.seed = seed;
    record.knobs = knobs;
    record.nodes.assign(snapshot.nodes.begin(), snapshot.nodes.end());
    record.processes.assign(snapshot.processes.begin(), snapshot.processes.end());
    record.orders = decision.orders;
    record.snapshot = snapshot;
    record.snapshot.nodes = {};
    record.snapshot.processes = {};
    return record;
}

std::string encode_record(Record const& record) {
    std::string bytes = wire::encode(record);
    auto length = static_cast<uint32_t>(bytes.size());
    return std::string(reinterpret_cast<char const*>(&length), sizeof length) + bytes;
}

std::optional<Record> take_record(std::string_view& log) {
    uint32_t length = 0;
    if (log.size() < sizeof length) return std::nullopt;
    std::memcpy(&length, log.data(), sizeof length);
    if (length > log.size() - sizeof length) return std::nullopt;
    auto record = wire::decode<Record>(log.substr(sizeof length, length));
    if (!record || record->version != Record().version) return std::nullopt;
    Bounds bounds;
    describe(bounds, *record);
    if (!bounds.kept) return std::nullopt;
    log.remove_prefix(sizeof length + length);
    return record;
}

Decision replay(Record const& record, Notes* notes) {
    Snapshot snapshot = record.snapshot;
    snapshot.nodes = record.nodes;
    snapshot.processes = record.processes;
    Random random(record.seed);
    return decide(snapshot, record.knobs, random, notes);
}

bool same(std::vector<Order> const& one, std::vector<Order> const& two) {
    return std::equal(
        one.begin(), one.end(), two.begin(), two.end(), [](Order const& a, Order const& b) {
            return a.process == b.process && a.to == b.to && a.why == b.why;
        });
}

} // namespace rove::policy
