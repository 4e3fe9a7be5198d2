// SPDX-License-Identifier: Apache-2.0
// Terminal: ncurses; see terminal.hh.
#include "cli/top/terminal.hh"

#include <clocale>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <utility>

#include <fmt/core.h>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

// Its macros have the names of ordinary words.
#define NCURSES_NOMACROS 1
#define NCURSES_WIDECHAR 1
#include <ncurses.h>

#include "cli/width.hh"

namespace rove::cli::top {

namespace {

constexpr int redraw = 'L' & 0x1f;  // ^L
constexpr int escape_delay_ms = 50; // after which an escape is a key of its own

bool speaks_utf8() {
    return std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

short pair_of(Colour colour) {
    switch (colour) {
    case Colour::good:
        return 1;
    case Colour::doubtful:
        return 2;
    case Colour::bad:
        return 3;
    case Colour::away:
        return 4;
    case Colour::none:
    case Colour::faint:
        break;
    }
    return 0;
}

void start_colours() {
    if (has_colors() == FALSE || start_color() == ERR) return;
    short const back = use_default_colors() == OK ? -1 : COLOR_BLACK;
    (void)init_pair(pair_of(Colour::good), COLOR_GREEN, back);
    (void)init_pair(pair_of(Colour::doubtful), COLOR_YELLOW, back);
    (void)init_pair(pair_of(Colour::bad), COLOR_RED, back);
    (void)init_pair(pair_of(Colour::away), COLOR_CYAN, back);
}

void put(int y, int x, char32_t character, attr_t attributes, short pair) {
    auto const ours = static_cast<int>(char_width(character));
    int const theirs = ::wcwidth(static_cast<wchar_t>(character));
    if (theirs < 1 || theirs > ours) character = U'?';
    wchar_t const text[2] = {static_cast<wchar_t>(character), 0};
    cchar_t cell{};
    if (::setcchar(&cell, text, attributes, pair, nullptr) == OK)
        (void)::mvadd_wch(y, x, &cell); // the last cell is put, but "fails"
}

std::optional<Key> key_of(int code) {
    switch (code) {
    case KEY_UP:
        return Key::up;
    case KEY_DOWN:
        return Key::down;
    case KEY_PPAGE:
        return Key::page_up;
    case KEY_NPAGE:
        return Key::page_down;
    case KEY_HOME:
        return Key::first;
    case KEY_END:
        return Key::last;
    case KEY_LEFT:
        return Key::left;
    case KEY_RIGHT:
        return Key::right;
    case KEY_BACKSPACE:
    case 127:
    case 8:
        return Key::backspace;
    case KEY_ENTER:
    case '\n':
    case '\r':
        return Key::enter;
    case '\t':
        return Key::tab;
    case 27:
        return Key::escape;
    default:
        return std::nullopt;
    }
}

} // namespace

Asked<Terminal> Terminal::open() {
    Screen screen = Screen::of_output();
    if (!screen.terminal || !isatty(STDIN_FILENO))
        return client::trouble(
            Exit::usage, "it needs a terminal; 'rove top --json' prints one snapshot");
    (void)std::setlocale(LC_CTYPE, "");
    // A locale that is asked for but not installed.
    if (screen.utf8 && !speaks_utf8()) (void)std::setlocale(LC_CTYPE, "C.UTF-8");
    screen.utf8 = speaks_utf8();
    if (!::newterm(nullptr, stdout, stdin)) {
        char const* kind = std::getenv("TERM");
        return client::trouble(Exit::failed,
            fmt::format(
                "the terminal's kind '{}' is not known here; set TERM, for instance to xterm",
                for_terminal(kind ? kind : "", false)));
    }
    // Its own handler would write from within a signal.
    (void)std::signal(SIGTSTP, SIG_DFL);
    if (screen.colour) start_colours();
    (void)::cbreak();
    (void)::noecho();
    (void)::nonl();
    (void)::keypad(stdscr, TRUE);
    (void)::nodelay(stdscr, TRUE);
    (void)::set_escdelay(escape_delay_ms);
    (void)::curs_set(0);
    return Terminal(screen);
}

Terminal::Terminal(Terminal&& other) noexcept
    : screen_(other.screen_), open_(std::exchange(other.open_, false)) {}

Terminal::~Terminal() {
    if (open_) (void)::endwin();
}

Size Terminal::size() const {
    return {static_cast<size_t>(std::max(COLS, 1)), static_cast<size_t>(std::max(LINES, 1)),
        screen_.utf8};
}

void Terminal::show(std::vector<Line> const& lines) {
    (void)::werase(stdscr);
    for (size_t y = 0; y < lines.size(); y++) {
        size_t x = 0;
        for (Piece const& piece : lines[y].pieces()) {
            attr_t attributes = piece.look.strong ? A_BOLD : 0;
            if (piece.look.marked) attributes |= A_REVERSE;
            if (piece.look.colour == Colour::faint && !piece.look.marked) attributes |= A_DIM;
            short const pair = screen_.colour ? pair_of(piece.look.colour) : short(0);
            for (std::string_view rest = piece.text; !rest.empty();) {
                Decoded const next = first_char(rest);
                put(static_cast<int>(y), static_cast<int>(x), next.character, attributes, pair);
                x += char_width(next.character);
                rest.remove_prefix(next.bytes);
            }
        }
    }
    (void)::wrefresh(stdscr);
}

std::optional<Press> Terminal::read() {
    for (int code; (code = ::wgetch(stdscr)) != ERR;) {
        if (code == redraw)
            (void)::clearok(stdscr, TRUE);
        else if (auto key = key_of(code))
            return Press{*key, 0};
        else if (code >= ' ' && code < 127)
            return Press{Key::letter, static_cast<char>(code)};
    }
    return std::nullopt;
}

void Terminal::take_new_size() {
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
        return;
    (void)::resizeterm(size.ws_row, size.ws_col);
    (void)::clearok(stdscr, TRUE);
}

void Terminal::stop() {
    (void)::def_prog_mode();
    (void)::endwin();
    sigset_t stops, before;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTSTP);
    (void)raise(SIGTSTP);
    // Happens here.
    (void)pthread_sigmask(SIG_UNBLOCK, &stops, &before);
    (void)pthread_sigmask(SIG_SETMASK, &before, nullptr);
    show_again();
}

void Terminal::show_again() {
    (void)::reset_prog_mode();
    take_new_size();
    (void)::clearok(stdscr, TRUE);
}

} // namespace rove::cli::top
