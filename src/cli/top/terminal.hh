// SPDX-License-Identifier: Apache-2.0
// Terminal: the whole screen and its keys, by ncurses, from when it is opened until it is closed.
//
// Only this file's other half sees ncurses. Each character is put where the layout says, so that a
// terminal that takes one for wider than we do shows a '?' there, and no line is disturbed.
#pragma once

#include <optional>
#include <vector>

#include "cli/answer.hh"
#include "cli/top/draw.hh"

namespace rove::cli::top {

class Terminal {
public:
    /// Fails if standard input and output are none, or of a kind that nobody knows.
    static Asked<Terminal> open();
    Terminal(Terminal&& other) noexcept;
    ~Terminal(); // as it was before

    Size size() const;
    void show(std::vector<Line> const& lines);
    /// The next key that has come; unknown ones are left out.
    std::optional<Press> read();

    void take_new_size(); // after SIGWINCH
    void stop();          // as ^Z does: gives the terminal back, and takes it when it goes on
    void show_again();    // after SIGCONT, when somebody else may have written

private:
    Terminal(Screen const& screen) : screen_(screen) {}
    Screen screen_;
    bool open_ = true;
};

} // namespace rove::cli::top
