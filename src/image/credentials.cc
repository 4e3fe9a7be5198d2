// SPDX-License-Identifier: Apache-2.0
// Credentials: the parser and the rule.
#include "image/credentials.hh"

#include <algorithm>

#include "base/text.hh"

namespace rove::image {

namespace {
Status four(std::vector<std::string_view> const& parts, std::array<uint32_t, 4>& to) {
    if (parts.size() != 5) return fail(EBADMSG, "not four numbers");
    for (size_t i = 0; i < 4; ++i)
        to[i] = TRY(parse_number<uint32_t>(parts[i + 1]));
    return {};
}
bool has(std::array<uint32_t, 4> const& ids, uint32_t id) {
    return std::count(ids.begin(), ids.end() - 1, id) != 0;
}
bool only(std::array<uint32_t, 4> const& ids, uint32_t id) {
    return std::count(ids.begin(), ids.end() - 1, id) == 3;
}
} // namespace

Result<Credentials> parse_credentials(std::string_view status) {
    Credentials credentials;
    bool uids = false, gids = false, capabilities = false;
    for (std::string_view line : lines(status)) {
        auto parts = words(line);
        if (parts.empty()) continue;
        if (parts[0] == "Uid:") {
            TRY(four(parts, credentials.uids));
            uids = true;
        } else if (parts[0] == "Gid:") {
            TRY(four(parts, credentials.gids));
            gids = true;
        } else if (parts[0] == "CapPrm:" && parts.size() == 2) {
            credentials.capabilities = TRY(parse_number<uint64_t>(parts[1], 16));
            capabilities = true;
        }
    }
    if (!uids || !gids || !capabilities) return fail(EBADMSG, "no Uid, Gid or CapPrm");
    return credentials;
}

Objection objection(Credentials const& process, uint32_t asker, bool move_root) {
    if (!move_root && has(process.uids, 0))
        return {"not_permitted", "root's processes are not moved from here (move.root)"};
    if (asker == 0) return {};
    if (!only(process.uids, asker) || !only(process.gids, process.gids[0]) ||
        process.capabilities != 0)
        return {"privileged",
            fmt::format(
                "it may do more than user {}, who wants it moved; root may move it", asker)};
    return {};
}

} // namespace rove::image
