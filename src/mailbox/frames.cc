// SPDX-License-Identifier: Apache-2.0
// Frames: what is well formed.
#include "mailbox/frames.hh"

namespace rove::mailbox {

Result<uint32_t> body_max(FrameType type) {
    switch (type) {
    case FrameType::hello:
        return static_cast<uint32_t>(sizeof(Hello));
    case FrameType::message:
        return message_length_max;
    case FrameType::ack:
    case FrameType::ask:
    case FrameType::rest:
    case FrameType::resting:
    case FrameType::bye:
        return 0u;
    case FrameType::none:
        break;
    }
    return deny(EBADMSG, "a frame of type {}", static_cast<unsigned>(type));
}

Status check_head(FrameHead const& head) {
    uint32_t most = TRY(body_max(head.type));
    if (head.length > most || (head.type == FrameType::hello && head.length != most))
        return deny(EBADMSG, "a frame of {} bytes", head.length);
    if (head.reserved[0] != 0 || head.reserved[1] != 0 || head.reserved[2] != 0)
        return deny(EBADMSG, "reserved bytes are set");
    return {};
}

} // namespace rove::mailbox
