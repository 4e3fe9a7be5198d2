// SPDX-License-Identifier: Apache-2.0
// The verb `top`: nodes, processes and moves, live, over the whole screen.
#include <cstdlib>
#include <ctime>

#include <boost/json/object.hpp>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "base/clock.hh"
#include "base/fd.hh"
#include "cli/shapes.hh"
#include "cli/top/draw.hh"
#include "cli/top/feed.hh"
#include "cli/top/terminal.hh"
#include "cli/verbs.hh"
#include "client/control.hh"

namespace rove::cli {

namespace {

using namespace top;

constexpr size_t events_max = 100;

std::string clock_time() {
    time_t const now = std::time(nullptr);
    tm local{};
    if (!localtime_r(&now, &local)) return "";
    return fmt::format("{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
}

int print_snapshot(Given const& given) {
    bool const mine = given.has("--mine");
    Asked<Json> nodes = client::call("GET", "/v1/nodes");
    if (!nodes) return report(given, nodes.error());
    Asked<Json> processes = client::call("GET", mine ? "/v1/ps" : "/v1/ps?all=1");
    if (!processes) return report(given, processes.error());
    boost::json::object both;
    both["nodes"] = shaped_rows(*nodes, nodes_shape);
    both["processes"] = shaped_rows(*processes, ps_shape);
    return print(client::print_json(both) + "\n");
}

// Signals as something that can be read, so that none of them meets a half-drawn screen.
Fd take_signals() {
    sigset_t all;
    sigemptyset(&all);
    for (int number : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT})
        sigaddset(&all, number);
    (void)pthread_sigmask(SIG_BLOCK, &all, nullptr);
    return Fd(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
}

class LiveScreen {
public:
    LiveScreen(Terminal terminal, Fd signals, bool mine)
        : signals_(std::move(signals)),
          terminal_(std::move(terminal)),
          utf8_(terminal_.size().utf8),
          watcher_(utf8_),
          feed_(screen()) {
        view_.mine = mine;
        if (mine) feed_.set_mine(true);
    }

    void run() {
        while (!view_.ended) {
            around_.time = clock_time();
            terminal_.show(draw(view_, around_, terminal_.size(), first_));
            pollfd ready[] = {{STDIN_FILENO, POLLIN, 0}, {signals_.number(), POLLIN, 0},
                {feed_.number(), POLLIN, 0}};
            (void)::poll(ready, std::size(ready), 1000);
            // Its terminal is gone.
            if (ready[0].revents & (POLLHUP | POLLERR | POLLNVAL)) return;
            take_signal();
            take_keys();
            take_news();
        }
    }

private:
    Screen screen() const {
        Screen screen;
        screen.utf8 = utf8_;
        return screen;
    }

    // The only one that knows of itself without delay; empty if another seems to.
    std::string own_node(Json const& nodes) const {
        std::string name;
        for (Json const& row : rows_of(nodes)) {
            if (client::number_field(row, "age_ms") != 0.0) continue;
            if (!name.empty()) return "";
            name = for_terminal(client::text_field(row, "name").value_or(""), utf8_);
        }
        return name;
    }

    void take_signal() {
        signalfd_siginfo came{};
        while (::read(signals_.number(), &came, sizeof came) == sizeof came) {
            switch (static_cast<int>(came.ssi_signo)) {
            case SIGWINCH:
                terminal_.take_new_size();
                break;
            case SIGTSTP:
                terminal_.stop();
                break;
            case SIGCONT:
                terminal_.show_again();
                break;
            default:
                view_.ended = true;
            }
        }
    }

    void take_keys() {
        while (auto press = terminal_.read()) {
            bool const mine = view_.mine;
            if (auto wish = view_.press(*press)) ask(*wish);
            if (view_.mine != mine) feed_.set_mine(view_.mine);
        }
    }

    void ask(Wish const& wish) {
        if (wish.what == Wish::What::move)
            view_.message = {fmt::format("{} is being moved to {} {}", wish.pid, wish.to,
                                 utf8_ ? "\xe2\x80\xa6" : "..."),
                Colour::none};
        feed_.ask(wish);
    }

    void take_news() {
        News news = feed_.take();
        around_.trouble = news.trouble;
        if (news.looked) {
            around_.looked = true;
            if (around_.node.empty()) around_.node = own_node(news.looked->nodes);
            view_.take(
                watcher_.look(news.looked->nodes, news.looked->processes, news.looked->at_s));
        }
        for (Json& event : news.events)
            if (is_shown(event)) around_.events.push_back(std::move(event));
        while (around_.events.size() > events_max)
            around_.events.pop_front();
        for (Message& answer : news.answers)
            view_.message = std::move(answer);
    }

    Fd signals_;
    Terminal terminal_;
    bool utf8_;
    Watcher watcher_;
    View view_;
    Surroundings around_;
    size_t first_ = 0;
    Feed feed_;
};

int run(Given const& given) {
    if (given.json) return print_snapshot(given);
    {
        // Before the threads, which inherit what is blocked.
        Asked<Terminal> terminal = Terminal::open();
        if (!terminal) return report(given, terminal.error());
        LiveScreen screen(std::move(*terminal), take_signals(), given.has("--mine"));
        screen.run();
    }
    // The threads of the feed may be in the middle of something.
    std::_Exit(0);
}

Option const options[] = {
    {"--mine", nullptr, nullptr, Kind::text, "only your own processes of this home; key u"}};

} // namespace

Verb const top_verb{"top", "show nodes, processes and moves, live", {}, options,
    "The whole screen: each node with its load (1 = its cores are just full) and memory as\n"
    "bars, the migratable processes of this home and the guests here, and what happens as it\n"
    "happens. With --json one snapshot: an object with 'nodes' and 'processes', whose rows\n"
    "are those of 'rove nodes' and 'rove ps --all'.\n\n"
    "Keys: the arrows, PgUp, PgDn, Home and End choose a process; m moves it, M its\n"
    "descendants as well (a node, home or best: Tab and arrows choose, Enter moves); l locks\n"
    "it against automatic moves, or lifts that; o sorts by something else, r turns the order\n"
    "round; u shows only your own; h helps; q quits.",
    run};

} // namespace rove::cli
