// SPDX-License-Identifier: Apache-2.0
// The verb `run`: asks the daemon to take this very process as a program, then becomes CMD.
//
// CMD gets the PID, parent, group, terminal, descriptors, signal mask and environment of the one
// who typed it. So nothing here forks, opens anything that lives on, touches a signal or prints
// when all goes well; and what can be wrong with CMD is found before the daemon is asked.
#include <cerrno>
#include <cstring>

#include <fmt/core.h>
#include <unistd.h>

#include "base/cpu_level.hh"
#include "base/text.hh"
#include "base/units.hh"
#include "cli/answer.hh"
#include "cli/cpu_baseline.hh"
#include "cli/find_program.hh"
#include "cli/screen.hh"
#include "cli/verbs.hh"
#include "client/control.hh"
#include "client/requests.hh"

namespace rove::cli {

namespace {

std::string here() {
    char* path = get_current_dir_name();
    std::string text = path ? path : "/";
    std::free(path);
    return text;
}

// Fills the request from the options; a usage error otherwise.
int fill(Given const& given, client::RunRequest& request) {
    request.on = given.value("--on");
    request.stay = given.has("--stay");
    request.no_patch = given.has("--no-patch");
    if (request.on && request.on->empty()) return usage(given, "--on needs a node, best or home");
    if (auto text = given.value("--storm")) {
        Result<int64_t> const number = parse_number<int64_t>(*text);
        if (!number || *number < 1 || *number > 86'400'000)
            return usage(given,
                fmt::format("'{}' is not a number of milliseconds", for_terminal(*text, true)));
        request.storm_ms = *number;
    }
    if (auto text = given.value("--seed")) {
        Result<int64_t> const number = parse_number<int64_t>(*text);
        if (!number || *number < 0)
            return usage(
                given, fmt::format("'{}' is not a seed (0, 1, 2 ...)", for_terminal(*text, true)));
        if (!request.storm_ms) return usage(given, "--seed belongs to --storm");
        request.seed = static_cast<uint64_t>(*number);
    }
    if (auto text = given.value("--mem")) {
        Result<uint64_t> const bytes = parse_size(*text);
        if (!bytes)
            return usage(given,
                fmt::format("'{}' is not a size such as 500M or 2G", for_terminal(*text, true)));
        request.mem = *bytes;
    }
    if (auto text = given.value("--cpu-baseline")) {
        auto const level = parse_cpu_level(*text);
        if (!level)
            return usage(given,
                fmt::format("'{}' is no level: they are x86-64, x86-64-v2, x86-64-v3, x86-64-v4",
                    for_terminal(*text, true)));
        request.cpu_baseline = cpu_level_name(*level);
    }
    request.cwd = here();
    if (auto text = given.value("--report")) {
        if (text->empty()) return usage(given, "--report needs a file name");
        request.report = text->front() == '/' ? *text : request.cwd + "/" + *text;
    }
    request.command = given.command;
    return 0;
}

// Its own failures: 125, whatever the daemon's code; the reason is in the sentence.
int cannot_start(Given const& given, Trouble trouble) {
    trouble.code = Exit::cannot_start;
    return report(given, trouble);
}

int run(Given const& given) {
    client::RunRequest request;
    if (int const code = fill(given, request)) return code;

    Asked<std::string> path = find_program(given.command.front());
    if (!path) return report(given, path.error());

    Asked<Json> taken =
        client::call("POST", "/v1/run", client::body_of(request), client::Patience::patient);
    if (!taken) return cannot_start(given, taken.error());

    if (request.cpu_baseline) set_baseline_environment(*parse_cpu_level(*request.cpu_baseline));
    Trouble const failed = become(*path, given.command);
    return report(given, failed);
}

Argument const arguments[] = {{"CMD", Kind::command, Need::must}};
Option const options[] = {
    {"--on", nullptr, "NODE|best|home", Kind::place,
        "where it runs from its first instruction on; its home is always here. A NODE that "
        "refuses: nothing starts; best falls back to home"},
    {"--stay", nullptr, nullptr, Kind::text,
        "no automatic moves; with --on NODE it comes home only while it must"},
    {"--mem", nullptr, "SIZE", Kind::size,
        "how much memory it will need, such as 500M or 2G: it goes only where that is free"},
    {"--cpu-baseline", nullptr, "LEVEL", Kind::text,
        "use no newer CPU features than x86-64, x86-64-v2, x86-64-v3 or x86-64-v4 (in short v1 "
        "to v4), so that it can go wherever these are"},
    {"--no-patch", nullptr, nullptr, Kind::text,
        "leave its text alone while it is away: for programs that read their own code"},
    {"--storm", nullptr, "MS", Kind::number,
        "for testing: each process moves to a random node at a random time, at most 2*MS after "
        "its last move"},
    {"--seed", nullptr, "N", Kind::number, "the same storm again"},
    {"--report", nullptr, "FILE", Kind::file,
        "when it and all its descendants have ended, one JSON object about them"},
};

} // namespace

Verb const run_verb{"run", "start a program that can be moved", arguments, options,
    "Becomes CMD, here, as a migratable program; its descendants are migratable, too. It is\n"
    "CMD itself that has this PID, this terminal and these descriptors, so that $!, wait,\n"
    "timeout and ^C act on it as always. Prints nothing when all goes well.\n\n"
    "    rove run -- python3 work.py\n"
    "    rove run --on n2 make -j8\n\n"
    "By --cpu-baseline CMD promises to use nothing newer. Its environment tells glibc, Go,\n"
    "OpenSSL, OpenBLAS, MKL, oneDNN and PyTorch to keep that; programs that ask the CPU\n"
    "themselves (NumPy, ffmpeg, Java, JavaScript, code made with -march=native) do not hear of\n"
    "it: give those their own option, or they may end with SIGILL on an older node.\n\n"
    "Exit status: that of CMD; 125 if Rove cannot start it (a sentence says why), 126 if CMD\n"
    "cannot be executed, 127 if it is not found.",
    run};

} // namespace rove::cli
