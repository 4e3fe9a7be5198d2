// SPDX-License-Identifier: Apache-2.0
// Keeper messages: what a daemon and its keepers (stewards and wardens) say to each other.
//
// They travel over a UNIX SOCK_SEQPACKET connection that the keeper makes to
// <run_dir>/keepers.sock, one message a packet: u16 type, u16 version, body. The keeper connects at
// its start and again whenever the daemon comes back; its first message is always its hello, which
// holds everything that a new daemon must know. Nothing here is trusted beyond the socket's peer
// credentials.
#pragma once

#include "wire/describe.hh"

namespace rove::wire {

inline constexpr uint16_t keeper_version = 1;
inline constexpr size_t keeper_packet_max = 60 * 1024;

/// APPEND ONLY; numbers are the protocol.
enum class KeeperType : uint16_t {
    none = 0,
    steward_hello = 1, // steward → daemon
    warden_hello = 2,  // warden → daemon
    move = 3,          // daemon → steward
    move_done = 4,     // steward → daemon
    steward_state = 5, // steward → daemon, on change and once a second
    warden_state = 6,  // warden → daemon, on change and once a second
    end_guest = 7, // daemon → warden: give the guest up at once (its home is lost, its grant ended)
    trace_request = 8, // daemon → steward
    trace_reply = 9,   // steward → daemon
    came_home = 10,    // steward → daemon: the process is home and the steward about to end
    asker = 11,        // daemon → steward, before a move: who wants it
    looked = 12,       // looker → daemon: its first and only word
    born = 13,         // steward → daemon: a child of its process, born where that one's guest is
    priorities = 14, // warden → daemon: its guest's, on change and once a second; not told: usual
    again = 15,      // daemon → warden: who has been kept comes again; a warden of it says hello
    forget = 16,     // daemon → steward: a process that is at home is to have nothing of ours
};

/// Names a process for good: PIDs and node names are reused, these four together are not.
struct Identity {
    std::string home;         // node name
    uint64_t incarnation = 0; // of the home node
    int32_t pid = 0;          // in the home daemon's PID namespace
    uint64_t start_time = 0;  // /proc/PID/stat field 22, clock ticks since boot
    auto operator<=>(Identity const&) const = default;
};
template <class V> void describe(V& v, Identity& m) {
    v.field("home", m.home);
    v.field("incarnation", m.incarnation);
    v.field("pid", m.pid);
    v.field("start_time", m.start_time);
}

/// A session's token is 16 random bytes that each of its connections says. If they are sealed
/// (seal/stream.hh), the session's secret follows, 16 bytes more, which none ever says.
inline constexpr size_t token_said = 16, token_size = 32;
inline bool is_token(std::string const& token) {
    return token.size() == token_said || token.size() == token_size;
}
/// Empty: the session is not sealed.
inline std::string secret_of(std::string const& token) {
    return token.size() == token_size ? token.substr(token_said) : std::string();
}

/// Where a warden waits for a session's connections. The token is good for this session only.
struct Landing {
    std::string node;
    std::vector<std::string> addresses; // numeric, without port
    uint16_t port = 0;
    std::string token;
};
template <class V> void describe(V& v, Landing& m) {
    v.field("node", m.node);
    v.field("addresses", m.addresses);
    v.field("port", m.port);
    v.field("token", m.token);
}

/// What a daemon gives a new warden through `--order-fd`: one encoded WardenOrder, then end of
/// file.
struct WardenOrder {
    Identity identity;
    std::string token;                      // 16 bytes, see Landing
    std::string node;                       // this host's name
    std::string run_dir;                    // for <run_dir>/segments
    std::vector<std::string> listen;        // numeric addresses; empty: all
    uint16_t port_first = 0, port_last = 0; // 0: any
    uint32_t guest_uid = 0,
             guest_gid = 0; // in the host's user namespace; 0: the warden's own (rootless)
    std::vector<std::string>
        cgroups; // directories that the guest is put into: one (v2) or one a controller (v1)
    std::string user, command;
    uint64_t memory_limit = 0;
    int32_t nice = 0;
    int32_t oom_score_adj = 0;
    uint64_t segments_max = 256ull << 20; // bytes of file segments kept on this host
    uint64_t keep_ms = 0;                 // how long memory is kept for a return
};
template <class V> void describe(V& v, WardenOrder& m) {
    v.field("identity", m.identity);
    v.field("token", m.token);
    v.field("node", m.node);
    v.field("run_dir", m.run_dir);
    v.field("listen", m.listen);
    v.field("port_first", m.port_first);
    v.field("port_last", m.port_last);
    v.field("guest_uid", m.guest_uid);
    v.field("guest_gid", m.guest_gid);
    v.field("cgroups", m.cgroups);
    v.field("user", m.user);
    v.field("command", m.command);
    v.field("memory_limit", m.memory_limit);
    v.field("nice", m.nice);
    v.field("oom_score_adj", m.oom_score_adj);
    v.field("segments_max", m.segments_max);
    v.field("keep_ms", m.keep_ms);
}

/// A new session of a process whose memory its former host still has.
struct Again {
    std::string session, token;
};
template <class V> void describe(V& v, Again& m) {
    v.field("session", m.session);
    v.field("token", m.token);
}

enum class Place : uint8_t { home = 0, moving = 1, away = 2 };

/// Counters of one program's process since it first left; they travel with it.
struct Tally {
    uint64_t moves = 0;
    uint64_t forwarded_calls = 0;
    uint64_t local_calls = 0;
    uint64_t bytes_moved = 0;
    uint64_t freeze_us_max = 0;
    uint64_t away_us = 0;      // wall time spent away
    uint64_t cpu_away_us = 0;  // CPU time spent away
    uint64_t memory_bytes = 0; // resident, wherever it is
};
template <class V> void describe(V& v, Tally& m) {
    v.field("moves", m.moves);
    v.field("forwarded_calls", m.forwarded_calls);
    v.field("local_calls", m.local_calls);
    v.field("bytes_moved", m.bytes_moved);
    v.field("freeze_us_max", m.freeze_us_max);
    v.field("away_us", m.away_us);
    v.field("cpu_away_us", m.cpu_away_us);
    v.field("memory_bytes", m.memory_bytes);
}

/// What a program's calls of one number have cost while it was away.
struct TraceRow {
    uint32_t call = 0; // number
    uint64_t count = 0, local = 0, forwarded = 0, errors = 0, us_total = 0, bytes = 0;
};
template <class V> void describe(V& v, TraceRow& m) {
    v.field("call", m.call);
    v.field("count", m.count);
    v.field("local", m.local);
    v.field("forwarded", m.forwarded);
    v.field("errors", m.errors);
    v.field("us_total", m.us_total);
    v.field("bytes", m.bytes);
}

/// What a daemon gives a new steward through `--order-fd`: one encoded StewardOrder, then end of
/// file.
struct StewardOrder {
    Identity identity;
    std::string node; // this node's name
    std::string run_dir;
    std::string user, command; // for the warden's hello and for people
    uint8_t relearn = 0;   // 1: an earlier steward is gone; learn everything from the control page
    uint8_t move_root = 0; // 1: root's processes may be moved
    Tally tally;           // counters to go on from
    std::vector<TraceRow> calls;
    uint64_t freeze_limit_us = 0; // the configured move.freeze; 0: none
    std::string mode;             // the configured move.mode; empty: auto
    uint8_t no_patch = 0;         // 1: the program's text is left alone
    uint32_t asker = 0;           // the user on whose behalf it moves, until a move says another
};
template <class V> void describe(V& v, StewardOrder& m) {
    v.field("identity", m.identity);
    v.field("node", m.node);
    v.field("run_dir", m.run_dir);
    v.field("user", m.user);
    v.field("command", m.command);
    v.field("relearn", m.relearn);
    v.field("move_root", m.move_root);
    v.field("tally", m.tally);
    v.field("calls", m.calls);
    v.field("freeze_limit_us", m.freeze_limit_us);
    v.field("mode", m.mode);
    v.field("no_patch", m.no_patch);
    v.field("asker", m.asker);
}

struct StewardHello {
    Identity identity;
    int32_t steward_pid = 0;
    Place place = Place::home;
    std::string host; // node name; the home's when at home
    Tally tally;
    std::vector<TraceRow> calls;
};
template <class V> void describe(V& v, StewardHello& m) {
    v.field("identity", m.identity);
    v.field("steward_pid", m.steward_pid);
    v.field("place", m.place);
    v.field("host", m.host);
    v.field("tally", m.tally);
    v.field("calls", m.calls);
}

struct WardenHello {
    Identity identity;
    int32_t warden_pid = 0; // in the host's PID namespace
    int32_t guest_pid = 0;  // as the host's PID namespace sees it; 0 before the guest exists
    uint16_t port = 0;      // where it listens for its session
    uint64_t memory_bytes = 0;
    std::string user;
    std::string command;
    std::string session; // as the daemon gave it on the command line, or as its steward named it
    std::string group;   // the session whose cgroup the guest is in
};
template <class V> void describe(V& v, WardenHello& m) {
    v.field("identity", m.identity);
    v.field("warden_pid", m.warden_pid);
    v.field("guest_pid", m.guest_pid);
    v.field("port", m.port);
    v.field("memory_bytes", m.memory_bytes);
    v.field("user", m.user);
    v.field("command", m.command);
    v.field("session", m.session);
    v.field("group", m.group);
}

struct Born {
    int32_t pid = 0;            // in the daemon's PID namespace
    uint8_t steward_wanted = 0; // 1: it waits for one
};
template <class V> void describe(V& v, Born& m) {
    v.field("pid", m.pid);
    v.field("steward_wanted", m.steward_wanted);
}

/// Move to `landing`, or home when `landing.node` is empty.
struct Move {
    uint64_t request = 0;
    Landing landing;
    uint8_t wait_for_exec =
        0; // 1: hold the process at its next exec and move it there (rove run --on)
    uint64_t freeze_us = 0; // for which it may stand still, if that can be had; 0: as usual
    // 1: it has just begun to execute something here, where all cores are wanted: it may stand
    // while its host prepares, so that its memory does not grow meanwhile
    uint8_t hold = 0;
};
template <class V> void describe(V& v, Move& m) {
    v.field("request", m.request);
    v.field("landing", m.landing);
    v.field("wait_for_exec", m.wait_for_exec);
    v.field("freeze_us", m.freeze_us);
    v.field("hold", m.hold);
}

/// Who wants the moves that follow, and whether root's processes may be moved.
struct Asker {
    uint32_t uid = 0;
    uint8_t move_root = 1;
};
template <class V> void describe(V& v, Asker& m) {
    v.field("uid", m.uid);
    v.field("move_root", m.move_root);
}

/// What a daemon asks a looker (`rove-keeper look`): what keeps these processes from leaving.
struct LookOrder {
    uint64_t question = 0;
    uint8_t quick = 0; // 1: not what takes a walk over all pages
    std::vector<Identity> processes;
    std::vector<int32_t> watched; // those whose steward watches what they write
};
template <class V> void describe(V& v, LookOrder& m) {
    v.field("question", m.question);
    v.field("quick", m.quick);
    v.field("processes", m.processes);
    v.field("watched", m.watched);
}
/// An empty reason: nothing that can be seen from outside.
struct Sight {
    Identity identity;
    std::string reason, text;
};
template <class V> void describe(V& v, Sight& m) {
    v.field("identity", m.identity);
    v.field("reason", m.reason);
    v.field("text", m.text);
}
struct Looked {
    uint64_t question = 0;
    std::vector<Sight> sights; // without those that have ended
};
template <class V> void describe(V& v, Looked& m) {
    v.field("question", m.question);
    v.field("sights", m.sights);
}

struct MoveDone {
    uint64_t request = 0;
    uint8_t ok = 0;
    std::string reason; // a stable word of docs/reasons.md when confined, else empty
    std::string text;   // one sentence when not ok
    std::string from, to;
    uint64_t bytes = 0, freeze_us = 0, stopped_us = 0, total_us = 0;
    std::string mode = "stop-and-copy";
    std::string mode_text; // why, as a sentence's end
};
template <class V> void describe(V& v, MoveDone& m) {
    v.field("request", m.request);
    v.field("ok", m.ok);
    v.field("reason", m.reason);
    v.field("text", m.text);
    v.field("from", m.from);
    v.field("to", m.to);
    v.field("bytes", m.bytes);
    v.field("freeze_us", m.freeze_us);
    v.field("stopped_us", m.stopped_us);
    v.field("total_us", m.total_us);
    v.field("mode", m.mode);
    v.field("mode_text", m.mode_text);
}

struct StewardState {
    Place place = Place::home;
    std::string host;
    Tally tally;
    std::string
        event; // empty, or what happened: armed, moved, came_home, executed, host_lost, ended
    std::string reason; // the stable word that goes with it
    std::string text;
};
template <class V> void describe(V& v, StewardState& m) {
    v.field("place", m.place);
    v.field("host", m.host);
    v.field("tally", m.tally);
    v.field("event", m.event);
    v.field("reason", m.reason);
    v.field("text", m.text);
}

struct WardenState {
    int32_t guest_pid = 0;
    uint64_t cpu_us = 0;
    uint64_t memory_bytes = 0;
    std::string event; // empty, arrived, left, kept, ended, failed
    std::string text;
};
template <class V> void describe(V& v, WardenState& m) {
    v.field("guest_pid", m.guest_pid);
    v.field("cpu_us", m.cpu_us);
    v.field("memory_bytes", m.memory_bytes);
    v.field("event", m.event);
    v.field("text", m.text);
}

/// What home's kernel says of a thread: its nice value, and SCHED_OTHER, SCHED_BATCH or SCHED_IDLE.
struct Priority {
    int32_t tid = 0; // in the process's own PID namespace
    int32_t nice = 0;
    int32_t policy = 0;
    bool operator==(Priority const&) const = default;
};
template <class V> void describe(V& v, Priority& m) {
    v.field("tid", m.tid);
    v.field("nice", m.nice);
    v.field("policy", m.policy);
}
struct Priorities {
    Priority all;                 // the first thread's, and that of each which is not listed
    std::vector<Priority> others; // by tid
    bool operator==(Priorities const&) const = default;
};
template <class V> void describe(V& v, Priorities& m) {
    v.field("all", m.all);
    v.field("others", m.others);
}
/// More threads with other priorities than the first one's are not told of.
inline constexpr size_t other_priorities_max = 1000;

struct TraceReply {
    std::vector<TraceRow> rows;
};
template <class V> void describe(V& v, TraceReply& m) {
    v.field("rows", m.rows);
}

/// One packet: type, version, body.
template <class T> std::string keeper_packet(KeeperType type, T const& body) {
    Encoder encoder;
    uint16_t version = keeper_version;
    encoder.field("type", type);
    encoder.field("version", version);
    return encoder.bytes + encode(body);
}

struct KeeperPacket {
    KeeperType type = KeeperType::none;
    std::string_view body;
};
/// Nothing if it is shorter than a header or of another version.
inline std::optional<KeeperPacket> open_keeper_packet(std::string_view bytes) {
    if (bytes.size() < 4) return std::nullopt;
    Decoder decoder(bytes.substr(0, 4));
    KeeperPacket packet;
    uint16_t version = 0;
    decoder.field("type", packet.type);
    decoder.field("version", version);
    if (version != keeper_version) return std::nullopt;
    packet.body = bytes.substr(4);
    return packet;
}

} // namespace rove::wire
