// SPDX-License-Identifier: Apache-2.0
// Names: see names.hh. Reads rows.def for its names, which the blob cannot have.
#include "syscalls/names.hh"

#include "syscalls/row.hh"

#include <array>
#include <cstring>

namespace rove::syscalls {

namespace {

using Names = std::array<char const*, rows_max>;

constexpr Names make_names() {
    Names names{};
#define ROW(nr, name, who, ...) names[nr] = #name;
#include "syscalls/rows.def"
#undef ROW
    return names;
}

constexpr Names names = make_names();

struct InnerError {
    int number;
    char const* name;
};
constexpr InnerError inner_errors[] = {
    {512, "ERESTARTSYS"},
    {513, "ERESTARTNOINTR"},
    {514, "ERESTARTNOHAND"},
    {515, "ENOIOCTLCMD"},
    {516, "ERESTART_RESTARTBLOCK"},
    {517, "EPROBE_DEFER"},
    {524, "ENOTSUPP"},
};

} // namespace

std::string_view name_of(unsigned long nr) {
    return nr < rows_max && names[nr] ? names[nr] : "";
}

int number_of(std::string_view name) {
    for (size_t nr = 0; nr < names.size(); ++nr)
        if (names[nr] && name == names[nr]) return static_cast<int>(nr);
    return -1;
}

std::string_view error_name(int error) {
    for (auto const& e : inner_errors)
        if (e.number == error) return e.name;
    char const* const name = error > 0 ? strerrorname_np(error) : nullptr;
    return name ? name : "";
}

std::string_view who_name(unsigned long nr) {
    switch (row_of(nr).who) {
    case Who::unlisted:
        return "unlisted";
    case Who::local:
        return "local";
    case Who::forward:
        return "forward";
    case Who::by_fd:
        return "by_fd";
    case Who::by_pid:
        return "by_pid";
    case Who::special:
        return "special";
    case Who::by_guest:
        return "by_guest";
    case Who::comes_home:
        return "comes_home";
    case Who::absent:
        return "absent";
    }
    return "";
}

} // namespace rove::syscalls
