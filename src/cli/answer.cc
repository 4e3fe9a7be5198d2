// SPDX-License-Identifier: Apache-2.0
// Answer: shapes, printing and exit codes; see answer.hh.
#include "cli/answer.hh"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/core.h>
#include <unistd.h>

#include "base/text.hh"
#include "cli/screen.hh"

namespace rove::cli {

Json shaped(Json const& row, Shape shape) {
    boost::json::object all;
    for (char const* name : shape) {
        Json const* value = client::field(row, name);
        all[name] = value ? *value : Json(nullptr);
    }
    if (boost::json::object const* told = row.if_object())
        for (auto const& [name, value] : *told)
            if (!all.contains(name)) all[name] = value;
    return all;
}

Json shaped_rows(Json const& rows, Shape shape) {
    boost::json::array all;
    for (Json const& row : rows_of(rows))
        all.push_back(shaped(row, shape));
    return all;
}

std::vector<Json> rows_of(Json const& answer) {
    std::vector<Json> rows;
    if (boost::json::array const* all = answer.if_array())
        rows.assign(all->begin(), all->end());
    else if (answer.is_object())
        rows.push_back(answer);
    return rows;
}

namespace {

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        ssize_t const written = write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return false;
        text.remove_prefix(static_cast<size_t>(written));
    }
    return true;
}

} // namespace

int print(std::string_view text) {
    if (write_all(STDOUT_FILENO, text)) return 0;
    (void)write_all(
        STDERR_FILENO, fmt::format("rove: cannot write the output: {}\n", std::strerror(errno)));
    return static_cast<int>(Exit::failed);
}

int report(bool json, std::string_view verb, Trouble const& trouble) {
    std::string text;
    if (json) {
        boost::json::object failure;
        failure["error"] = client::valid_utf8(trouble.sentence);
        failure["code"] = static_cast<int>(trouble.code);
        if (!trouble.reason.empty()) failure["reason"] = client::valid_utf8(trouble.reason);
        if (Result<Json> members = client::parse_json(trouble.members);
            !trouble.members.empty() && members)
            failure["members"] = *members;
        text = client::print_json(failure);
    } else {
        // The daemon's text may quote a program's name, which may hold anything.
        text = fmt::format("rove{}{}: {}", verb.empty() ? "" : " ", verb,
            for_terminal(trouble.sentence, Screen::of_output().utf8));
    }
    (void)write_all(STDERR_FILENO, text + "\n");
    return static_cast<int>(trouble.code);
}

int report(Given const& given, Trouble const& trouble) {
    return report(given.json, given.verb->name, trouble);
}

int usage(Given const& given, std::string sentence) {
    return report(
        given, Trouble{Exit::usage,
                   sentence + fmt::format("; see 'rove {} --help'", given.verb->name), {}});
}

bool is_pid(std::string_view text) {
    size_t const colon = text.rfind(':');
    if (colon == 0) return false;
    std::string_view const number = colon == std::string_view::npos ? text : text.substr(colon + 1);
    auto const digit = [](char c) { return c >= '0' && c <= '9'; };
    if (number.empty() || !std::all_of(number.begin(), number.end(), digit)) return false;
    Result<int32_t> const pid = parse_number<int32_t>(number);
    return pid && *pid > 0;
}

int check_pid(Given const& given) {
    std::string const& pid = given.arguments.front();
    if (is_pid(pid)) return 0;
    return usage(given, fmt::format("'{}' is not a PID (123, or n1:123 for one whose home is n1)",
                            for_terminal(pid, true)));
}

} // namespace rove::cli
