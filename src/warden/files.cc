// SPDX-License-Identifier: Apache-2.0
// Files: what a running guest maps is asked of home by address, as home's kernel has mapped it
// there; its bytes are kept here under the name of their hash, as those of files that it came with.
#include <algorithm>
#include <cerrno>

#include "base/log.hh"
#include "warden/warden.hh"

namespace rove::warden {

using wire::SessionType;

namespace {
constexpr uint64_t page = 4096;
}

// Without a steward, which a child may not have yet, nobody looks: the guest fetches the bytes.
void Warden::want_file() {
    auto pages = uint64_t{asked_->slot};
    if (stage_ != Stage::running) return answer_guest(-EAGAIN, {});
    if (!control_ || asked_->value < 0 || pages == 0) return answer_guest(-ENOTCONN, {});
    wire::FileWanted wanted{++file_question_, static_cast<uint64_t>(asked_->value), pages * page};
    if (!send(SessionType::file_wanted, wanted)) answer_guest(-ENOTCONN, {});
}

bool Warden::wants_file() const {
    return asked_ && asked_->type == wire::ServiceType::map_file;
}

Status Warden::file_found(wire::FileFound const& found) {
    // Later than the guest has waited for it?
    if (!wants_file() || found.question != file_question_) return {};
    if (found.error != 0 || found.offset % page != 0 || found.offset > found.key.length) {
        answer_guest(found.error == EAGAIN ? -EIO : -std::clamp(found.error, 1, 4095), {});
        return {};
    }
    auto index = found.key.commons != 0 ? segments_.add_commons(found.key)
                                        : segments_.add(found.key, found.passing != 0);
    if (!index) {
        answer_guest(-EIO, {});
        return Failure(index.error());
    }
    file_ = File{*index, found.offset};
    if (!segments_.holds(*index))
        return send(
            SessionType::bytes_wanted, wire::BytesWanted{file_question_, *index, found.key});
    give_file();
    return {};
}

void Warden::give_file() {
    if (!file_ || !segments_.holds(file_->index)) return;
    File file = *file_;
    if (wants_file())
        answer_guest(static_cast<int64_t>(file.offset), {segments_.number(file.index)});
}

// What does not come whole, the guest fetches as it is by then.
void Warden::take_file_bytes(wire::SegmentBytes const& part) {
    auto received = segments_.receive(part);
    if (received && *received) return give_file();
    if (received) return;
    LOG(debug, "a file that the guest maps: {}", received.error().sentence());
    if (wants_file()) answer_guest(-EIO, {});
}

// Before it is brought to a stand: who waits for a file would not come to one.
void Warden::refuse_file() {
    if (wants_file()) answer_guest(-EAGAIN, {});
}

} // namespace rove::warden
