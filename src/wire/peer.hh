// SPDX-License-Identifier: Apache-2.0
// Peer messages: what the daemons of two nodes say to each other, inside TLS.
//
// Connections are made when there is something to ask and closed when they have been idle. Each
// side sends its hello first; everything else is a question with a request number, answered under
// the same number by whoever was asked. A frame is PeerFrame and a described body of `length`
// bytes, at most the limit of its type; reserved bits are zero. Anything else closes the
// connection.
#pragma once

#include "wire/keeper.hh"

namespace rove::wire {

inline constexpr uint32_t peer_magic = 0x50564f52; // "ROVP"
/// The range of protocol versions that this program speaks; two sides use the smaller max.
inline constexpr uint16_t peer_speaks_min = 3;
inline constexpr uint16_t peer_speaks_max = 3;

/// APPEND ONLY; numbers are the protocol.
enum class PeerType : uint16_t {
    none = 0,
    hello = 1, // both: PeerHello, first
    retired_2 = 2,
    retired_3 = 3,
    offer = 4,    // home → target: Offer
    accept = 5,   // target → home: Accept
    refuse = 6,   // answer: Refuse
    withdraw = 7, // home → target: Withdraw; no answer
    ask = 8,      // Ask: a verb of the control API for the other node
    answer = 9,   // Answer
};

struct PeerFrame {
    uint32_t magic = peer_magic;
    uint32_t length = 0; // of the body
    PeerType type = PeerType::none;
    uint16_t reserved = 0;
    uint32_t request = 0;
};
static_assert(sizeof(PeerFrame) == 16);

/// The largest body of a type; 0 for types that we do not know.
constexpr uint32_t peer_body_max(PeerType type) {
    switch (type) {
    case PeerType::hello:
        return 4 << 10;
    case PeerType::offer:
        return 64 << 10;
    case PeerType::accept:
        return 4 << 10;
    case PeerType::refuse:
        return 16 << 10;
    case PeerType::withdraw:
        return 256;
    case PeerType::ask:
        return 64 << 10;
    case PeerType::answer:
        return 4 << 20;
    case PeerType::none:
    case PeerType::retired_2:
    case PeerType::retired_3:
        break;
    }
    return 0;
}

struct PeerHello {
    uint16_t speaks_min = peer_speaks_min, speaks_max = peer_speaks_max;
    std::string name;
    uint64_t incarnation = 0;
};
template <class V> void describe(V& v, PeerHello& m) {
    v.field("speaks_min", m.speaks_min);
    v.field("speaks_max", m.speaks_max);
    v.field("name", m.name);
    v.field("incarnation", m.incarnation);
}

/// Would you take this process?
struct Offer {
    Identity identity;
    std::string user;
    uint32_t uid = 0;
    std::string command;
    uint64_t memory_bytes = 0;
    std::vector<uint32_t> cpu_features; // home's
    uint16_t session_version = 0;
    std::string from; // node where it is now
    // Those that it may use; none: it has promised nothing, and may use all of home's.
    std::vector<uint32_t> needed_features;
    std::vector<uint32_t> state_offsets; // of home's XSAVE area, by component (image/extended.hh)
    uint8_t automatic = 0; // 1: by policy, and the target judges by load; 0: asked for
    uint8_t why = 0;       // policy::Why
    float stretch_max = 0; // the most that a CPU second may take there
    float demand = 1;      // of cores
    float cpu_s = 0;       // used so far, in seconds of the reference core
    uint8_t encrypt = 0;   // 1: home wants the session's connections to be sealed
};
template <class V> void describe(V& v, Offer& m) {
    v.field("identity", m.identity);
    v.field("user", m.user);
    v.field("uid", m.uid);
    v.field("command", m.command);
    v.field("memory_bytes", m.memory_bytes);
    v.field("cpu_features", m.cpu_features);
    v.field("session_version", m.session_version);
    v.field("from", m.from);
    v.field("needed_features", m.needed_features);
    v.field("state_offsets", m.state_offsets);
    v.field("automatic", m.automatic);
    v.field("why", m.why);
    v.field("stretch_max", m.stretch_max);
    v.field("demand", m.demand);
    v.field("cpu_s", m.cpu_s);
    v.field("encrypt", m.encrypt);
}

struct Accept {
    Landing landing;
    std::string session; // names the reservation for withdraw
    float load = 0;      // processes that want a core there now, with this one
    uint64_t memory_free = 0;
};
template <class V> void describe(V& v, Accept& m) {
    v.field("landing", m.landing);
    v.field("session", m.session);
    v.field("load", m.load);
    v.field("memory_free", m.memory_free);
}

struct Refuse {
    std::string reason;  // a stable word, or empty when it is not about the process
    std::string text;    // one sentence
    uint8_t refusal = 0; // policy::Refusal; 0: for what is granted, not for what there is
    float load = 0;      // processes that want a core there now, promised ones included
    uint64_t memory_free = 0;
};
template <class V> void describe(V& v, Refuse& m) {
    v.field("reason", m.reason);
    v.field("text", m.text);
    v.field("refusal", m.refusal);
    v.field("load", m.load);
    v.field("memory_free", m.memory_free);
}

struct Withdraw {
    std::string session;
};
template <class V> void describe(V& v, Withdraw& m) {
    v.field("session", m.session);
}

/// A verb of the control API for another node: `body` is its JSON; the asking node vouches for the
/// caller.
struct Ask {
    std::string verb;
    uint32_t uid = 0;
    std::string body;
};
template <class V> void describe(V& v, Ask& m) {
    v.field("verb", m.verb);
    v.field("uid", m.uid);
    v.field("body", m.body);
}

/// `code` is an exit code of interface.md, 0 for success; `body` is JSON.
struct Answer {
    int32_t code = 0;
    std::string body;
};
template <class V> void describe(V& v, Answer& m) {
    v.field("code", m.code);
    v.field("body", m.body);
}

/// A decoder for what another version may have made shorter: its defaults stand for what is
/// missing.
class OpenDecoder {
public:
    explicit OpenDecoder(std::string_view input) : decoder_(input) {}
    bool ok() const { return decoder_.ok(); }
    template <class T> void field(char const* name, T& value) {
        if (!decoder_.done()) decoder_.field(name, value);
    }

private:
    Decoder decoder_;
};
/// What follows the fields that are known is skipped.
template <class T> std::optional<T> decode_open(std::string_view bytes) {
    T message{};
    OpenDecoder decoder(bytes);
    describe(decoder, message);
    if (!decoder.ok()) return std::nullopt;
    return message;
}

template <class T> std::string peer_frame(PeerType type, uint32_t request, T const& message) {
    std::string body = encode(message);
    PeerFrame frame;
    frame.length = static_cast<uint32_t>(body.size());
    frame.type = type;
    frame.request = request;
    return std::string(reinterpret_cast<char const*>(&frame), sizeof frame) + body;
}

/// One frame at the front of `bytes`: none if more bytes are needed; `bad` if they cannot be one.
struct PeerRead {
    bool bad = false;
    std::optional<PeerFrame> frame;
    std::string_view body;
    size_t used = 0;
};
inline PeerRead read_peer_frame(std::string_view bytes) {
    PeerRead result;
    if (bytes.size() < sizeof(PeerFrame)) return result;
    PeerFrame frame;
    std::memcpy(&frame, bytes.data(), sizeof frame);
    uint32_t limit = peer_body_max(frame.type);
    if (frame.magic != peer_magic || frame.reserved != 0 || limit == 0 || frame.length > limit) {
        result.bad = true;
        return result;
    }
    if (bytes.size() - sizeof frame < frame.length) return result;
    result.frame = frame;
    result.body = bytes.substr(sizeof frame, frame.length);
    result.used = sizeof frame + frame.length;
    return result;
}

} // namespace rove::wire
