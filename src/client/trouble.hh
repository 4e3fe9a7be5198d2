// SPDX-License-Identifier: Apache-2.0
// Trouble: why a request was not done, as the person at the keyboard and the calling script see it.
//
// One sentence that says what to do next, and the exit code of the contract. `Asked<T>` is what
// every request gives: the answer, or the trouble.
#pragma once

#include <string>

#include <tl/expected.hpp>

namespace rove::client {

/// The exit codes of every verb.
enum class Exit : int {
    done = 0,
    failed = 1,
    usage = 2,
    confined = 3,
    no_such_process = 4,
    no_daemon = 5,
    cannot_start = 125,
    not_executable = 126,
    not_found = 127,
};

struct Trouble {
    Exit code = Exit::failed;
    std::string sentence;
    std::string reason = {}; // why it is confined: a word of docs/reasons.md
    std::string members =
        {}; // JSON array of the members' own results, for `move --all`; else empty
};

template <class T> using Asked = tl::expected<T, Trouble>;

inline tl::unexpected<Trouble> trouble(Exit code, std::string sentence) {
    return tl::unexpected<Trouble>(Trouble{code, std::move(sentence)});
}

} // namespace rove::client
