// SPDX-License-Identifier: Apache-2.0
// Document: docs/syscalls.md, made of the table and differences.def.
#include "syscalls/names.hh"
#include "syscalls/row.hh"

namespace rove::syscalls {

namespace {

struct Served {
    char const* words;
    char const* cost;
};

Served served(Who who, bool by_hand) {
    switch (who) {
    case Who::local:
        return by_hand ? Served{"on the host, or at home by its arguments", "none"}
                       : Served{"on the host", "none"};
    case Who::forward:
    case Who::by_fd:
    case Who::by_pid:
        return {"at home", "one round trip"};
    case Who::special:
    case Who::by_guest:
        return {"by the runtime", "none to one round trip"};
    case Who::comes_home:
        return {"the process comes home", "a move"};
    case Who::absent:
        return {"nowhere: ENOSYS, as on any kernel", "none"};
    case Who::unlisted:
        break;
    }
    return {"the process comes home", "a move"};
}

} // namespace

std::string_view difference_of(unsigned long nr) {
    auto const name = name_of(nr);
#define DIFFERENCE(call, sentence)                                                                 \
    if (name == #call) return sentence;
#include "syscalls/differences.def"
#undef DIFFERENCE
    return "";
}

std::string document() {
    std::string text =
        "# System calls of a program that is away\n\n"
        "Generated from `src/syscalls/rows.def` and `src/syscalls/differences.def`; a test "
        "compares.\n\n"
        "At home a program runs natively and none of this applies. Away, each call is served as\n"
        "its row says; a call that cannot be served from afar takes the process home, where it is "
        "performed\n"
        "natively. Numbers that are not in the table come home, too.\n\n";
    unsigned counts[8] = {};
    for (unsigned nr = 0; nr < rows_max; ++nr)
        ++counts[static_cast<unsigned>(row_of(nr).who)];
    unsigned const forwarded = counts[static_cast<unsigned>(Who::forward)] +
                               counts[static_cast<unsigned>(Who::by_fd)] +
                               counts[static_cast<unsigned>(Who::by_pid)];
    text += "| served | calls |\n|---|---|\n";
    text += "| on the host | " + std::to_string(counts[static_cast<unsigned>(Who::local)]) + " |\n";
    text += "| at home, by the deputy | " + std::to_string(forwarded) + " |\n";
    text += "| by the runtime | " +
            std::to_string(counts[static_cast<unsigned>(Who::special)] +
                           counts[static_cast<unsigned>(Who::by_guest)]) +
            " |\n";
    text += "| the process comes home | " +
            std::to_string(counts[static_cast<unsigned>(Who::comes_home)]) + " |\n";
    text += "| nowhere (ENOSYS) | " + std::to_string(counts[static_cast<unsigned>(Who::absent)]) +
            " |\n\n";
    text += "| number | call | served | cost | what differs |\n|---|---|---|---|---|\n";
    for (unsigned nr = 0; nr < rows_max; ++nr) {
        Row const& row = row_of(nr);
        if (row.who == Who::unlisted) continue;
        Served const how = served(row.who, row.args[0].kind == Kind::by_hand);
        text += "| " + std::to_string(nr) + " | " + std::string(name_of(nr)) + " | " + how.words +
                " | " + how.cost + " | " + std::string(difference_of(nr)) + " |\n";
    }
    return text;
}

} // namespace rove::syscalls
