// SPDX-License-Identifier: Apache-2.0
// Feed: the conversations; see feed.hh.
#include "cli/top/feed.hh"

#include <condition_variable>
#include <mutex>
#include <thread>

#include <fmt/core.h>
#include <sys/eventfd.h>

#include "base/clock.hh"
#include "base/fd.hh"
#include "cli/moved_text.hh"
#include "client/control.hh"
#include "client/requests.hh"

namespace rove::cli::top {

namespace {

using namespace std::chrono_literals;
constexpr auto period = 1s;
// Of what happened before that is shown, too.
constexpr double past_s = 600;
constexpr size_t events_max = 500;

double seconds(Nanos time) {
    return std::chrono::duration<double>(time).count();
}

} // namespace

struct Feed::Shared {
    Screen screen;
    Fd wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};

    std::mutex mutex;
    std::condition_variable sooner;
    News news;
    bool mine = false, look_now = false;

    template <class Change> void change(Change what) {
        {
            std::lock_guard const held(mutex);
            what();
        }
        uint64_t const one = 1;
        (void)!::write(wake.number(), &one, sizeof one);
    }
    void look_soon() {
        std::lock_guard const held(mutex);
        look_now = true;
        sooner.notify_all();
    }

    void look();
    void look_for_ever();
    void follow_for_ever();
    void perform(Wish const& wish);
};

void Feed::Shared::look() {
    bool only_mine = false;
    {
        std::lock_guard const held(mutex);
        only_mine = mine;
    }
    Asked<Json> nodes = client::call("GET", "/v1/nodes");
    Asked<Json> processes =
        nodes ? client::call("GET", only_mine ? "/v1/ps" : "/v1/ps?all=1") : nodes;
    double const now = seconds(monotonic_now());
    change([&] {
        if (processes) {
            news.looked = {std::move(*nodes), std::move(*processes), now};
            news.trouble.clear();
        } else {
            news.trouble = processes.error().sentence;
        }
    });
}

void Feed::Shared::look_for_ever() {
    for (;;) {
        look();
        std::unique_lock held(mutex);
        (void)sooner.wait_for(held, period, [this] { return look_now; });
        look_now = false;
    }
}

void Feed::Shared::follow_for_ever() {
    double last = seconds(real_now()) - past_s;
    for (;;) {
        (void)client::follow(fmt::format("/v1/events?since={:.6f}", last), [&](Json const& event) {
            double const at = client::number_field(event, "time").value_or(last);
            if (at <= last) return true; // told before the daemon was asked again
            last = at;
            change([&] {
                news.events.push_back(event);
                if (news.events.size() > events_max) news.events.pop_front();
            });
            look_soon();
            return true;
        });
        std::this_thread::sleep_for(period);
    }
}

void Feed::Shared::perform(Wish const& wish) {
    std::string path, body;
    switch (wish.what) {
    case Wish::What::move: {
        client::MoveRequest request;
        request.pid = wish.pid;
        request.to = wish.to;
        request.all = wish.all;
        path = "/v1/move";
        body = client::body_of(request);
        break;
    }
    case Wish::What::stay:
    case Wish::What::roam:
        path = wish.what == Wish::What::stay ? "/v1/stay" : "/v1/roam";
        body = client::pid_body(wish.pid);
        break;
    }
    Asked<Json> const answer = client::call("POST", path, body, client::Patience::patient);
    Message message;
    if (!answer)
        message = {answer.error().sentence, Colour::bad};
    else if (wish.what == Wish::What::move)
        for (Json const& row : rows_of(*answer)) {
            bool const failed = client::text_field(row, "error").has_value();
            message.text += (message.text.empty() ? "" : "; ") + moved_text(screen, row);
            if (failed || message.colour == Colour::none)
                message.colour = failed ? Colour::bad : Colour::good;
        }
    else if (wish.what == Wish::What::stay)
        message = {wish.pid + " is moved by hand only now", Colour::good};
    else
        message = {wish.pid + " may be moved automatically", Colour::good};
    change([&] { news.answers.push_back(std::move(message)); });
    look_soon();
}

Feed::Feed(Screen const& screen) : shared_(std::make_shared<Shared>()) {
    shared_->screen = screen;
    std::thread([shared = shared_] { shared->look_for_ever(); }).detach();
    std::thread([shared = shared_] { shared->follow_for_ever(); }).detach();
}

int Feed::number() const {
    return shared_->wake.number();
}

News Feed::take() {
    uint64_t count = 0;
    (void)!::read(number(), &count, sizeof count);
    std::lock_guard const held(shared_->mutex);
    std::string const trouble = shared_->news.trouble;
    News news = std::exchange(shared_->news, News());
    shared_->news.trouble = trouble;
    return news;
}

void Feed::ask(Wish const& wish) {
    std::thread([shared = shared_, wish] { shared->perform(wish); }).detach();
}

void Feed::set_mine(bool mine) {
    {
        std::lock_guard const held(shared_->mutex);
        shared_->mine = mine;
    }
    shared_->look_soon();
}

} // namespace rove::cli::top
