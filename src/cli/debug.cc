// SPDX-License-Identifier: Apache-2.0
// The verb `debug`: asks the daemon to bring a process home and to keep it there, then becomes CMD.
#include "cli/answer.hh"
#include "cli/find_program.hh"
#include "cli/verbs.hh"
#include "client/control.hh"
#include "client/requests.hh"

namespace rove::cli {

namespace {

int run_debug(Given const& given) {
    if (int const code = check_pid(given)) return code;
    Asked<std::string> path = find_program(given.command.front());
    if (!path) return report(given, path.error());
    Asked<Json> home = client::call(
        "POST", "/v1/debug", client::pid_body(given.arguments.front()), client::Patience::patient);
    if (!home) return report(given, home.error());
    Trouble const failed = become(*path, given.command);
    return report(given, failed);
}

Argument const arguments[] = {{"PID", Kind::pid, Need::must}, {"CMD", Kind::command, Need::must}};

} // namespace

Verb const debug_verb{"debug", "bring a process home and look at it with a debugger", arguments, {},
    "Brings the process home, keeps it there while CMD runs, and lets it go after: then it\n"
    "returns to where it is to be. CMD is gdb, strace or what else looks into a process, and\n"
    "what it sees is the process as it would be without Rove.\n\n"
    "    rove debug 4711 -- gdb -p 4711\n"
    "    rove debug 4711 -- strace -f -p 4711\n\n"
    "Exit status: that of CMD; 126 if CMD cannot be executed, 127 if it is not found.",
    run_debug};

} // namespace rove::cli
