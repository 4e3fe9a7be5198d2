// SPDX-License-Identifier: Apache-2.0
// Session messages: what a steward (home) and a warden (host) say to each other.
//
// Every TCP connection to a warden begins with a fixed Hello that carries the session's token. One
// control connection per session carries framed messages (SessionFrame, then a described body);
// link and page connections change to their own protocols after the hello. The steward always
// connects; the warden never does, except to another warden when a guest goes host → host.
//
// The conversation of a move is in docs/protocol.md; the commit is the steward's alone.
#pragma once

#include "wire/keeper.hh"
#include "wire/process_image.hh"

namespace rove::wire {

inline constexpr uint32_t session_magic = 0x53455652;
inline constexpr uint16_t session_version = 5;
inline constexpr uint32_t session_frame_max = 16 << 20;
/// Both sides ping. A machine or a network that is gone acknowledges nothing: the kernel says so
/// after that long. One that does, and says nothing, is busy, and is given up much later.
inline constexpr int session_dead_ms = 3000, session_deaf_ms = 30000;

enum class Kind : uint16_t { none = 0, control = 1, link = 2, pages = 3, spare = 4 };

struct Hello {
    uint32_t magic = session_magic;
    uint16_t version = session_version;
    Kind kind = Kind::none;
    uint32_t slot = 0;  // link: whose; spare: its id
    uint32_t epoch = 0; // of the control page at home; a warden serves one epoch only
    uint8_t token[16] = {};
};
static_assert(sizeof(Hello) == 32);
/// The warden's answer to each hello: one HelloReply; anything but ok closes the connection.
struct HelloReply {
    uint32_t magic = session_magic;
    uint16_t version = session_version;
    uint16_t ok =
        0; // 1: welcome · 2: wrong token · 3: wrong version · 4: wrong epoch · 5: nothing expected
};
static_assert(sizeof(HelloReply) == 8);

/// APPEND ONLY; numbers are the protocol. S: steward → warden, W: warden → steward.
enum class SessionType : uint16_t {
    none = 0,
    prepare = 1, // S Prepare: create the guest, map the layout
    segments_wanted =
        2,          // W SegmentsWanted: those of the layout's segments that this host does not hold
    segment = 3,    // S SegmentBytes: a part of one
    prepared = 4,   // W Prepared: guest exists, layout mapped, populated
    layout = 5,     // S Layout: the final layout, at the freeze; the warden applies the difference
    laid_out = 6,   // W Empty
    state = 7,      // S ProcessState: all but memory
    pages_done = 8, // S PagesDone: everything has been written to the page connection
    ready = 9,      // W Ready: all pages received, all threads made, only the go is missing
    commit = 10,    // S Empty: the process lives here now: let it run
    running = 11,   // W Empty
    abort = 12,     // S Empty: forget the guest, end
    park = 13,      // S Empty: stop the guest's threads at their next boundary
    parked = 14,    // W Parked: they stand; their states, layout, sizes
    send_pages = 15,    // S SendPages: send memory to the page connection (or to another warden)
    pages_sent = 16,    // W PagesDone
    resume = 17,        // S Empty: the move is off: go on here
    let_go = 18,        // S Empty: the process lives elsewhere now: destroy this copy, end
    stop = 19,          // S Empty: SIGSTOP the guest (home is stopped)
    cont = 20,          // S Empty: and let it go on
    ping = 21,          // both, Ping: at least each 500 ms
    tally = 22,         // W GuestTally, once a second and on request
    tally_request = 23, // S Empty
    trouble = 24, // W Trouble: the warden cannot go on with what was asked (before commit), or the
                  // guest has ended on its own
    adopt = 25,   // S Prepare without layout: a new steward takes over a running guest; answered by
                  // running
    clock_request = 26, // S Empty, a few times before prepare, which says what came of it
    clock = 27,         // W ClockReading: at the moment of answering
    reach = 28, // S SendPages without ranges: pages will be asked for. While the guest still runs:
                // connect to that warden, if one is named; make and look up what can be ahead
    reached = 29, // W Empty
    scan = 30,    // S Empty, after reach: which pages have been written?
    scanned = 31, // W Scanned
    spare =
        32, // S SpareOffer, before the connection of kind spare: a link for the guest's next child
    renew = 33,        // S Empty: the process executes another program: destroy this copy; the same
                       // session begins anew, with another connection and a prepare
    renewed = 34,      // W Empty
    file_wanted = 35,  // W FileWanted: the guest has mapped a file, which P maps there by now
    file_found = 36,   // S FileFound: which bytes those are
    bytes_wanted = 37, // W BytesWanted: this host does not hold them; `segment` brings them
    forecast = 38,     // S Layout, after prepared: what the program has mapped since; answered as
                       // prepare is
    ahead = 39,        // S Empty, after prepared: pages come on the page connection, up to an end
                       // mark, while the program still runs where it was
    ahead_taken = 40,  // W PagesDone: that many
    forget = 41,       // S Pages, before the layout: what came ahead and holds nothing any more
    group_home = 42,   // W Empty: a process that it shares memory with goes home: it comes along
    group_ready =
        43,        // S Empty, of one that shares memory: all but the commit of a homecoming is done
    group_go = 44, // W Empty: so it is for all of its group, of which none goes on here any more
    commons_wanted = 45, // S CommonsWanted: bytes of commons, from an offset on
    commons_bytes = 46,  // both, SegmentBytes. W: the next that hold something; none: there are no
                         // more. S, between laid_out and the state: what this host is to hold
    priorities = 47,     // S Priorities: its threads have others than the usual ones, or had before
    keep = 48, // S Keep, instead of let_go: end the guest, but keep its memory for its return
    kept = 49, // W Pages: it has ended, and all is as it was when it had parked but for these
    late = 50, // S Pages, before the layout: these stay at home until they are asked for
    late_wanted = 51,   // W Pages: some of them
    late_bytes = 52,    // S LateBytes: what was asked for, in parts
    late_question = 53, // S Empty: is anything still late? Answered when nothing is
    late_over = 54,     // W Empty: they are all there; also unasked, once
};

struct SessionFrame {
    uint32_t length = 0; // of the body
    SessionType type = SessionType::none;
    uint16_t version = session_version;
};
static_assert(sizeof(SessionFrame) == 8);

struct Empty {};
template <class V> void describe(V&, Empty&) {}

struct Pages {
    std::vector<Range> ranges;
};
template <class V> void describe(V& v, Pages& m) {
    v.field("ranges", m.ranges);
}

/// Three clocks of one machine at one moment.
struct ClockReading {
    int64_t monotonic_ns = 0, boottime_ns = 0, realtime_ns = 0;
};
template <class V> void describe(V& v, ClockReading& m) {
    v.field("monotonic_ns", m.monotonic_ns);
    v.field("boottime_ns", m.boottime_ns);
    v.field("realtime_ns", m.realtime_ns);
}

struct Prepare {
    Identity identity;
    uint32_t epoch = 0;  // that this host will serve: home's present epoch + 1
    uint64_t region = 0; // address
    std::string blob;    // XXH3-128 of the runtime's bytes: both nodes must run the same
    ClockReading home_clock, host_clock;    // of one moment, as the steward has found out by asking
    uint64_t xsave_size = 0, xfeatures = 0; // home's
    std::string user, command, hostname, domainname;
    uint32_t cpu_count = 0; // home's
    uint64_t memory_limit = 0;
    Layout layout;
    uint8_t no_patch = 0; // 1: the program's text is left alone
    std::string kept;     // the name of the memory that this host has kept of it; empty: none
};
template <class V> void describe(V& v, Prepare& m) {
    v.field("identity", m.identity);
    v.field("epoch", m.epoch);
    v.field("region", m.region);
    v.field("blob", m.blob);
    v.field("home_clock", m.home_clock);
    v.field("host_clock", m.host_clock);
    v.field("xsave_size", m.xsave_size);
    v.field("xfeatures", m.xfeatures);
    v.field("user", m.user);
    v.field("command", m.command);
    v.field("hostname", m.hostname);
    v.field("domainname", m.domainname);
    v.field("cpu_count", m.cpu_count);
    v.field("memory_limit", m.memory_limit);
    v.field("layout", m.layout);
    v.field("no_patch", m.no_patch);
    v.field("kept", m.kept);
}

struct Prepared {
    uint8_t kept = 0;        // 1: the guest has the memory that was kept
    std::vector<Range> lost; // without what this layout maps otherwise
    uint8_t takes_late = 0;  // 1: a guest here can begin before all of its pages have come
};
template <class V> void describe(V& v, Prepared& m) {
    v.field("kept", m.kept);
    v.field("lost", m.lost);
    v.field("takes_late", m.takes_late);
}

/// `name`: random bytes, which whoever wants that memory again must say.
inline constexpr size_t kept_name_size = 16;
struct Keep {
    std::string name;
};
template <class V> void describe(V& v, Keep& m) {
    v.field("name", m.name);
}

struct SegmentsWanted {
    std::vector<uint32_t> indexes;
};
template <class V> void describe(V& v, SegmentsWanted& m) {
    v.field("indexes", m.indexes);
}

struct SegmentBytes {
    uint32_t index = 0;
    uint64_t offset = 0;
    std::string bytes;
};
template <class V> void describe(V& v, SegmentBytes& m) {
    v.field("index", m.index);
    v.field("offset", m.offset);
    v.field("bytes", m.bytes);
}

struct PagesDone {
    uint64_t bytes = 0;  // memory sent
    uint64_t stream = 0; // bytes on the wire
};
template <class V> void describe(V& v, PagesDone& m) {
    v.field("bytes", m.bytes);
    v.field("stream", m.stream);
}

struct Ready {
    uint64_t bytes = 0; // memory received
};
template <class V> void describe(V& v, Ready& m) {
    v.field("bytes", m.bytes);
}

struct Parked {
    ProcessState state;
    Layout layout; // `present`: the private pages that would have to be sent; segment numbers are
                   // those of the session
    std::vector<Range> unchanged; // pages that are as they came there, as far as that is known
    uint32_t shares = 0; // how many map commons of each other's, this one included: they leave
                         // together or not at all
    std::vector<SegmentKey> commons; // those that its steward brings home; others bring the others
};
template <class V> void describe(V& v, Parked& m) {
    v.field("state", m.state);
    v.field("layout", m.layout);
    v.field("unchanged", m.unchanged);
    v.field("shares", m.shares);
    v.field("commons", m.commons);
}
/// Of a process with no more memory than that, the pages are kept for a while where it was, and
/// watched where it is.
inline constexpr uint64_t kept_bytes_max = 64 << 20;
/// Of a process with no less than that, a host keeps the pages for its return: less goes again in
/// the time that this takes.
inline constexpr uint64_t kept_bytes_min = 16 << 20;

/// Where the parked guest's pages go: `landing.node` empty: to the steward's page connection, else
/// the warden connects to that landing itself (kind pages, `epoch`).
struct SendPages {
    Landing landing;
    uint32_t epoch = 0;
    std::vector<Range> ranges;
    uint8_t more = 0; // 1: the guest still runs, and the connection is used again
};
template <class V> void describe(V& v, SendPages& m) {
    v.field("landing", m.landing);
    v.field("epoch", m.epoch);
    v.field("ranges", m.ranges);
    v.field("more", m.more);
}

/// Pages that were written since they came there, or since the last such question; from now on they
/// count as unchanged again.
struct Scanned {
    uint8_t able = 0; // 0: this host cannot tell
    std::vector<Range> written;
};
template <class V> void describe(V& v, Scanned& m) {
    v.field("able", m.able);
    v.field("written", m.written);
}

/// The session that will be of a child that the guest has not made yet.
struct SpareOffer {
    uint32_t id = 0;
    std::string token, session;
};
template <class V> void describe(V& v, SpareOffer& m) {
    v.field("id", m.id);
    v.field("token", m.token);
    v.field("session", m.session);
}

struct FileWanted {
    uint32_t question = 0; // each has another
    uint64_t address = 0, length = 0;
};
template <class V> void describe(V& v, FileWanted& m) {
    v.field("question", m.question);
    v.field("address", m.address);
    v.field("length", m.length);
}

struct FileFound {
    uint32_t question = 0;
    int32_t error = 0; // an errno: the guest must do without
    SegmentKey key;
    uint64_t offset = 0; // of the mapping in those bytes
    uint8_t passing = 0; // 1: they are new, and will hardly be mapped again
};
template <class V> void describe(V& v, FileFound& m) {
    v.field("question", m.question);
    v.field("error", m.error);
    v.field("key", m.key);
    v.field("offset", m.offset);
    v.field("passing", m.passing);
}

struct BytesWanted {
    uint32_t question = 0;
    uint32_t index = 0; // what the warden calls it
    SegmentKey key;
};
template <class V> void describe(V& v, BytesWanted& m) {
    v.field("question", m.question);
    v.field("index", m.index);
    v.field("key", m.key);
}

/// Late pages that are asked for in one question, and in all that are not answered yet.
inline constexpr uint64_t late_part_max = 128 << 10, late_asked_max = 1 << 20;

struct LateBytes {
    uint64_t address = 0;
    std::string bytes; // whole pages
};
template <class V> void describe(V& v, LateBytes& m) {
    v.field("address", m.address);
    v.field("bytes", m.bytes);
}

struct CommonsWanted {
    SegmentKey key;
    uint64_t offset = 0;
    uint8_t ended = 0; // 1: of an own file, as the process has ended: so does the guest, before it
                       // is answered
};
template <class V> void describe(V& v, CommonsWanted& m) {
    v.field("key", m.key);
    v.field("offset", m.offset);
    v.field("ended", m.ended);
}

struct Ping {
    uint64_t count = 0;
};
template <class V> void describe(V& v, Ping& m) {
    v.field("count", m.count);
}

struct Trouble {
    std::string reason; // a stable word of reasons.def, or empty
    std::string text;
    int32_t code = 0;        // errno
    uint8_t guest_ended = 0; // 1: the guest has ended by itself (its status is home's business)
    int32_t signal = 0;      // that ended it, if the host's kernel did (out of memory: 9)
};
template <class V> void describe(V& v, Trouble& m) {
    v.field("reason", m.reason);
    v.field("text", m.text);
    v.field("code", m.code);
    v.field("guest_ended", m.guest_ended);
    v.field("signal", m.signal);
}

} // namespace rove::wire
