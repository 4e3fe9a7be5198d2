// SPDX-License-Identifier: Apache-2.0
// View: keys; see view.hh.
#include "cli/top/view.hh"

#include <algorithm>

namespace rove::cli::top {

namespace {

// From the first to the last and round again.
size_t step_in(size_t at, size_t count, ptrdiff_t by) {
    if (count == 0) return 0;
    auto const size = static_cast<ptrdiff_t>(count);
    return static_cast<size_t>((static_cast<ptrdiff_t>(at) + by + size) % size);
}

} // namespace

std::vector<std::string> Prompt::matching() const {
    std::vector<std::string> found;
    for (std::string const& place : places)
        if (place.starts_with(typed)) found.push_back(place);
    return found;
}

std::string Prompt::answer() const {
    auto const found = matching();
    if (std::find(found.begin(), found.end(), typed) != found.end()) return typed;
    if (!found.empty()) return found[std::min(chosen, found.size() - 1)];
    return typed; // the daemon says what is wrong with it
}

ProcessRow const* View::selected() const {
    return cursor_ < board_.processes.size() ? &board_.processes[cursor_] : nullptr;
}

void View::sort_again() {
    ProcessRow const* const chosen = selected();
    std::string const key = chosen ? chosen->key : "";
    sort_processes(board_.processes, sort, order);
    for (size_t row = 0; row < board_.processes.size(); row++)
        if (board_.processes[row].key == key) cursor_ = row;
}

void View::take(Board board) {
    ProcessRow const* const chosen = selected();
    std::string const key = chosen ? chosen->key : "";
    board_ = std::move(board);
    sort_processes(board_.processes, sort, order);
    auto const& rows = board_.processes;
    auto const same = std::find_if(
        rows.begin(), rows.end(), [&](ProcessRow const& row) { return row.key == key; });
    if (same != rows.end()) cursor_ = static_cast<size_t>(same - rows.begin());
    cursor_ = rows.empty() ? 0 : std::min(cursor_, rows.size() - 1);
}

size_t View::first_shown(size_t before, size_t room) const {
    size_t const count = board_.processes.size();
    if (count <= room || room == 0) return 0;
    size_t first = std::min(before, count - room);
    if (cursor_ < first) first = cursor_;
    if (cursor_ >= first + room) first = cursor_ - room + 1;
    return first;
}

void View::move_cursor(ptrdiff_t by) {
    auto const last = static_cast<ptrdiff_t>(board_.processes.size()) - 1;
    auto const wanted = static_cast<ptrdiff_t>(cursor_) + by;
    cursor_ = static_cast<size_t>(std::clamp<ptrdiff_t>(wanted, 0, std::max<ptrdiff_t>(last, 0)));
}

std::optional<Wish> View::press(Press press) {
    message = {};
    if (help) {
        help = false;
        if (press.key == Key::letter && press.letter == 'q') ended = true;
        return std::nullopt;
    }
    if (prompt) return press_in_prompt(press);
    auto const page_rows = static_cast<ptrdiff_t>(page);
    auto const all = static_cast<ptrdiff_t>(board_.processes.size());
    switch (press.key) {
    case Key::up:
        move_cursor(-1);
        break;
    case Key::down:
        move_cursor(1);
        break;
    case Key::page_up:
        move_cursor(-page_rows);
        break;
    case Key::page_down:
        move_cursor(page_rows);
        break;
    case Key::first:
        move_cursor(-all);
        break;
    case Key::last:
        move_cursor(all);
        break;
    case Key::enter:
        ask_for_place(false);
        break;
    case Key::letter:
        return command(press.letter);
    case Key::left:
    case Key::right:
    case Key::tab:
    case Key::escape:
    case Key::backspace:
        break;
    }
    return std::nullopt;
}

std::optional<Wish> View::command(char letter) {
    switch (letter) {
    case 'q':
        ended = true;
        break;
    case 'h':
    case '?':
        help = true;
        break;
    case 'j':
        move_cursor(1);
        break;
    case 'k':
        move_cursor(-1);
        break;
    case 'm':
        ask_for_place(false);
        break;
    case 'M':
        ask_for_place(true);
        break;
    case 'l':
        return lock();
    case 'o': {
        auto const now = std::find(std::begin(sorts), std::end(sorts), sort) - std::begin(sorts);
        sort = sorts[step_in(static_cast<size_t>(now), std::size(sorts), 1)];
        sort_again();
        break;
    }
    case 'r':
        order = order == Order::usual ? Order::reversed : Order::usual;
        sort_again();
        break;
    case 'u':
        mine = !mine;
        message = {
            mine ? "Only your own processes of this home" : "Everybody's processes, and guests",
            Colour::none};
        break;
    default:
        break;
    }
    return std::nullopt;
}

std::optional<Wish> View::lock() const {
    ProcessRow const* const row = selected();
    if (!row) return std::nullopt;
    bool const locked = row->locked.value_or(false);
    return Wish{locked ? Wish::What::roam : Wish::What::stay, row->key, "", false};
}

void View::ask_for_place(bool all) {
    ProcessRow const* const row = selected();
    if (!row) {
        message = {"There is no process to be moved", Colour::doubtful};
        return;
    }
    Prompt asked;
    asked.pid = row->key;
    asked.command = row->command;
    asked.all = all;
    for (NodeRow const& node : board_.nodes)
        if (node.name != row->host && (node.takes_guests() || node.name == row->home))
            asked.places.push_back(node.name);
    if (row->home != row->host) asked.places.push_back("home");
    asked.places.push_back("best");
    prompt = std::move(asked);
}

std::optional<Wish> View::press_in_prompt(Press press) {
    size_t const count = prompt->matching().size();
    switch (press.key) {
    case Key::escape:
        prompt.reset();
        break;
    case Key::enter: {
        std::string const to = prompt->answer();
        if (to.empty()) break;
        Wish const wish{Wish::What::move, prompt->pid, to, prompt->all};
        prompt.reset();
        return wish;
    }
    case Key::backspace:
        if (!prompt->typed.empty()) prompt->typed.pop_back();
        prompt->chosen = 0;
        break;
    case Key::left:
    case Key::up:
        prompt->chosen = step_in(prompt->chosen, count, -1);
        break;
    case Key::right:
    case Key::down:
        prompt->chosen = step_in(prompt->chosen, count, 1);
        break;
    case Key::tab:
        // Takes what is chosen; pressed again, the next.
        if (count == 1 && prompt->typed != prompt->answer())
            prompt->typed = prompt->answer();
        else
            prompt->chosen = step_in(prompt->chosen, count, 1);
        break;
    case Key::letter:
        if (prompt->typed.size() < 64) prompt->typed += press.letter;
        prompt->chosen = 0;
        break;
    case Key::page_up:
    case Key::page_down:
    case Key::first:
    case Key::last:
        break;
    }
    return std::nullopt;
}

} // namespace rove::cli::top
