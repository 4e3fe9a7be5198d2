// SPDX-License-Identifier: Apache-2.0
// View: what the person at the keyboard has chosen to see, and what a key does to it. Pure: what a
// key asks of the daemon is returned.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/screen.hh"
#include "cli/top/board.hh"

namespace rove::cli::top {

enum class Key {
    letter,
    up,
    down,
    page_up,
    page_down,
    first,
    last,
    left,
    right,
    tab,
    enter,
    escape,
    backspace
};

struct Press {
    Key key = Key::letter;
    char letter = 0; // printable ASCII, for Key::letter
};

/// What is asked of the daemon.
struct Wish {
    enum class What { move, stay, roam } what;
    std::string pid;  // HOME:PID
    std::string to;   // of a move
    bool all = false; // with its descendants
};

/// The question where to move a process to.
struct Prompt {
    std::string pid, command;
    bool all = false;
    std::string typed;
    std::vector<std::string> places; // that could be meant
    size_t chosen = 0;               // of those that begin with what was typed

    std::vector<std::string> matching() const;
    /// What Enter takes: what was typed in full, or what is chosen; empty if it is neither.
    std::string answer() const;
};

struct Message {
    std::string text;
    Colour colour = Colour::none;
};

class View {
public:
    /// Sorts the board, and keeps the cursor on its process, or where that was.
    void take(Board board);
    std::optional<Wish> press(Press press);

    Board const& board() const { return board_; }
    ProcessRow const* selected() const;
    size_t cursor() const { return cursor_; }
    /// The first process that is drawn when there is room for so many, so that the cursor is among
    /// them; `before` is the first of the last time.
    size_t first_shown(size_t before, size_t room) const;

    Sort sort = Sort::cpu;
    Order order = Order::usual;
    bool mine = false; // only one's own of this home
    bool help = false, ended = false;
    std::optional<Prompt> prompt;
    Message message;  // until the next key
    size_t page = 10; // how far a page key goes

private:
    void move_cursor(ptrdiff_t by);
    void sort_again();
    std::optional<Wish> command(char letter);
    std::optional<Wish> lock() const;
    void ask_for_place(bool all);
    std::optional<Wish> press_in_prompt(Press press);

    Board board_;
    size_t cursor_ = 0;
};

} // namespace rove::cli::top
