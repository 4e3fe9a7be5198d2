// SPDX-License-Identifier: Apache-2.0
// Fault points: reading what is wanted, and acting.
#include "base/fault.hh"

#include <cstdlib>
#include <fstream>
#include <string>

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/log.hh"
#include "base/recorder.hh"
#include "base/text.hh"

namespace rove {

namespace {

// The text that says what is wanted; empty: nothing.
std::string wanted_text() {
    char const* text = ::getenv("ROVE_FAULT");
    if (text == nullptr) return {};
    if (text[0] != '@') return text;
    std::string line;
    std::ifstream file(text + 1);
    (void)std::getline(file, line);
    return line;
}

struct Wanted {
    std::string text, name, action;
    int passings = 1;

    void read(std::string now) {
        if (now == text) return;
        auto parts = split(now, ':');
        name = std::string(parts[0]);
        action = parts.size() > 1 ? std::string(parts[1]) : std::string();
        passings = parts.size() > 2 ? parse_number<int>(parts[2]).value_or(1) : 1;
        text = std::move(now);
    }
};

[[noreturn]] void die() {
    (void)::kill(::getpid(), SIGKILL);
    // PID 1 of a PID namespace cannot kill itself; its exit takes the others along just the same.
    ::_exit(128 + SIGKILL);
}

void hold(std::string const& text) {
    if (::getenv("ROVE_FAULT")[0] != '@') {
        (void)::raise(SIGSTOP);
        return;
    }
    constexpr timespec moment{0, 1000000};
    while (wanted_text() == text)
        (void)::nanosleep(&moment, nullptr);
}

} // namespace

Status fault_point(char const* name) {
    record("at {}", name);
    static Wanted wanted;
    wanted.read(wanted_text());
    if (wanted.action == "tell") LOG(note, "fault point {}", name);
    if (wanted.name != name || --wanted.passings != 0) return {};
    LOG(note, "fault point {}: {}", name, wanted.action);
    if (wanted.action == "kill") die();
    if (wanted.action == "pause") hold(wanted.text);
    if (wanted.action == "error") return fail(EIO, "the fault point {} was chosen to fail", name);
    return {};
}

} // namespace rove
