// SPDX-License-Identifier: Apache-2.0
// Watch: one listing once, or again every second; see watch.hh.
#include "cli/watch.hh"

#include <poll.h>

#include "client/control.hh"

namespace rove::cli {

int show(Given const& given, std::string const& path, Shape shape,
    std::function<std::string(Screen const&, std::vector<Json> const&)> const& draw) {
    bool const again = given.has("--watch");
    for (bool first = true;; first = false) {
        Asked<Json> answer = client::call("GET", path);
        if (!answer) return report(given, answer.error());
        std::string text;
        if (given.json) {
            text = client::print_json(shaped_rows(*answer, shape)) + "\n";
        } else {
            Screen const screen = Screen::of_output(); // the window may have got another size
            text = draw(screen, rows_of(*answer));
            // Home, each line cleared to its end, the rest cleared: no flicker as with a whole
            // clear.
            if (again && screen.terminal) {
                std::string lines;
                for (char c : text)
                    lines += c == '\n' ? std::string("\033[K\n") : std::string(1, c);
                text = (first ? "\033[2J\033[H" : "\033[H") + lines + "\033[J";
            } else if (!first) {
                text = "\n" + text;
            }
        }
        if (int const code = print(text)) return code;
        if (!again) return 0;
        poll(nullptr, 0, 1000);
    }
}

} // namespace rove::cli
