// SPDX-License-Identifier: Apache-2.0
// Document: docs/syscalls.md, made of the table and differences.def.
#include <algorithm>
#include <initializer_list>
#include <vector>

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

struct Group {
    char const* words;
    std::initializer_list<Who> who;
    bool listed; // in the short form
};
constexpr Group groups[] = {
    {"on the host", {Who::local}, true},
    {"at home, by the deputy", {Who::forward, Who::by_fd, Who::by_pid}, false},
    {"by the runtime", {Who::special, Who::by_guest}, true},
    {"the process comes home", {Who::comes_home}, true},
    {"nowhere (ENOSYS)", {Who::absent}, false},
};

std::vector<std::string_view> calls_of(Group const& group) {
    std::vector<std::string_view> names;
    for (unsigned nr = 0; nr < rows_max; ++nr)
        if (std::find(group.who.begin(), group.who.end(), row_of(nr).who) != group.who.end())
            names.push_back(name_of(nr));
    return names;
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

std::string short_form() {
    std::string text = "| served | calls | which |\n|---|---|---|\n";
    for (Group const& group : groups) {
        auto const names = calls_of(group);
        text += std::string("| ") + group.words + " | " + std::to_string(names.size()) + " | ";
        for (size_t i = 0; group.listed && i < names.size(); ++i)
            text += (i == 0 ? "" : ", ") + std::string(names[i]);
        text += " |\n";
    }
    return text;
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
    text += "| served | calls |\n|---|---|\n";
    for (Group const& group : groups)
        text += std::string("| ") + group.words + " | " + std::to_string(calls_of(group).size()) +
                " |\n";
    text += "\n";
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
