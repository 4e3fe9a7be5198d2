// SPDX-License-Identifier: Apache-2.0
// Fault points: reading the environment and acting.
#include "base/fault.hh"

#include <cstdlib>
#include <string>

#include <signal.h>
#include <unistd.h>

#include "base/recorder.hh"
#include "base/text.hh"

namespace rove {

namespace {

struct Wanted {
    std::string name, action;
    int passings = 1;
};

Wanted read_environment() {
    Wanted wanted;
    char const* text = ::getenv("ROVE_FAULT");
    if (text == nullptr) return wanted;
    auto parts = split(text, ':');
    wanted.name = std::string(parts[0]);
    if (parts.size() > 1) wanted.action = std::string(parts[1]);
    if (parts.size() > 2) wanted.passings = parse_number<int>(parts[2]).value_or(1);
    return wanted;
}

} // namespace

Status fault_point(char const* name) {
    static Wanted wanted = read_environment();
    record("at {}", name);
    if (wanted.name != name || --wanted.passings != 0) return {};
    if (wanted.action == "kill") (void)::kill(::getpid(), SIGKILL);
    if (wanted.action == "pause") (void)::raise(SIGSTOP);
    if (wanted.action == "error") return fail(EIO, "the fault point {} was chosen to fail", name);
    return {};
}

} // namespace rove
