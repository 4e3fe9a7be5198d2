// SPDX-License-Identifier: Apache-2.0
// The verbs `adopt`, `stay` and `roam`: one request about one process, and one line about it.
#include <boost/json/array.hpp>
#include <fmt/core.h>

#include "cli/answer.hh"
#include "cli/figures.hh"
#include "cli/verbs.hh"
#include "client/control.hh"
#include "client/requests.hh"

namespace rove::cli {

namespace {

using client::field;

// Asks, and prints what `sentence` makes of the answer.
int ask(Given const& given, char const* path, Shape shape,
    std::string (*sentence)(std::string const& pid, Json const& answer)) {
    if (int const code = check_pid(given)) return code;
    std::string const& pid = given.arguments.front();
    Asked<Json> answer =
        client::call("POST", path, client::pid_body(pid), client::Patience::patient);
    if (!answer) return report(given, answer.error());
    if (given.json) return print(client::print_json(shaped(*answer, shape)) + "\n");
    return print(sentence(pid, *answer) + "\n");
}

constexpr char const* pid_shape[] = {"pid"};

int run_adopt(Given const& given) {
    return ask(given, "/v1/adopt", pid_shape, [](std::string const& pid, Json const& answer) {
        Json const* members = field(answer, "pids");
        size_t const count = members && members->is_array() ? members->as_array().size() : 1;
        if (count <= 1) return fmt::format("{} can be moved now", pid);
        return fmt::format("{} and {} of its descendants can be moved now", pid, count - 1);
    });
}

int run_stay(Given const& given) {
    return ask(given, "/v1/stay", pid_shape, [](std::string const& pid, Json const&) {
        return fmt::format("{} is moved by hand only now; 'rove roam {}' lifts it", pid, pid);
    });
}

int run_roam(Given const& given) {
    return ask(given, "/v1/roam", pid_shape, [](std::string const& pid, Json const&) {
        return fmt::format("{} may be moved automatically", pid);
    });
}

Argument const arguments[] = {{"PID", Kind::pid, Need::must}};

} // namespace

Verb const adopt_verb{"adopt", "make a program that runs already one that can be moved", arguments,
    {},
    "Makes a running program migratable, with its descendants, as if 'rove run' had started\n"
    "it. It goes on where it is; 'rove move PID NODE' moves it.",
    run_adopt};

Verb const stay_verb{"stay", "lock a process against automatic moves", arguments, {},
    "Locks the process against automatic moves. 'rove move' still moves it, and what must\n"
    "come home still does. 'rove roam' lifts it.",
    run_stay};

Verb const roam_verb{"roam", "allow automatic moves of a process", arguments, {},
    "Allows automatic moves of the process again; the opposite of 'rove stay'.", run_roam};

} // namespace rove::cli
