// SPDX-License-Identifier: Apache-2.0
// Terminal: a relayed terminal, for a command that runs in a node.
//
// A session in a node cannot have the outer terminal as its own: its PIDs mean nothing out here. So
// the command gets a new one, ours is made raw, and bytes are carried to and fro. ^C, ^Z, job
// control and the size are then the inner terminal's business, as over ssh.
#pragma once

#include <string>

#include <termios.h>

#include "base/fd.hh"
#include "base/result.hh"

namespace rove::lab {

class Terminal {
public:
    // Requires: standard input is a terminal. The new one has its size and its modes.
    static Result<Terminal> open();
    Terminal(Terminal&&) = default;
    ~Terminal() { cook(); }

    // In the child, after setsid(): makes it the controlling terminal, and standard input, and each
    // of the other two that was a terminal.
    void adopt();
    // In the parent, once the child has it.
    void close_slave() { slave_.close(); }

    // Only in the foreground may the outer terminal be read and its modes be changed.
    bool in_foreground() const;
    void make_raw();
    void cook();
    void copy_size();

    // For poll(2). The outer side is to be watched only in the foreground and while all that was
    // typed has been taken.
    int master() const { return master_.number(); }
    bool wants_input() const { return typed_.empty() && !input_ended_; }
    bool has_input() const { return !typed_.empty(); }
    void take_input(); // from the outer terminal
    void pass_input(); // to the inner one
    // Carries what the command wrote; false when nobody holds the inner terminal any more.
    bool pass_output();
    // After the command's end: what is still on its way.
    void drain();

private:
    Terminal() = default;
    Fd master_, slave_;
    termios cooked_{};
    bool raw_ = false;
    bool input_ended_ = false;
    std::string typed_;
};

} // namespace rove::lab
