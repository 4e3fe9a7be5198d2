// SPDX-License-Identifier: Apache-2.0
// Errand: the child, and waiting for it.
#include "node/errand.hh"

#include <algorithm>
#include <csignal>

#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/bytes.hh"
#include "sys/files.hh"
#include "sys/process.hh"

namespace rove::node {

namespace {

constexpr size_t answer_max = 1 << 20;
constexpr char come = '+'; // before an answer: an empty one is not the end of a child that died

// A connection that stayed open here would not end with the daemon's; and the daemon's handlers
// write to a descriptor that is another one here.
void keep_only(std::vector<int> keep) {
    for (int number = 1; number < NSIG; ++number)
        (void)::signal(number, number == SIGPIPE ? SIG_IGN : SIG_DFL);
    std::sort(keep.begin(), keep.end());
    int from = 3;
    for (int number : keep) {
        if (number > from) (void)::syscall(SYS_close_range, from, number - 1, 0);
        from = std::max(from, number + 1);
    }
    sys::close_from(from);
}

struct Child {
    Child(asio::io_context& io, sys::Child started, int reader)
        : answers(io, reader), pidfd(std::move(started.pidfd)) {}
    asio::posix::stream_descriptor answers;
    Fd pidfd;
    // It may be stuck where no signal reaches it: it is not waited for.
    void give_up() {
        (void)sys::pidfd_send_signal(pidfd.number(), SIGKILL);
        boost::system::error_code ignored;
        answers.close(ignored);
    }
};

} // namespace

Task<std::optional<std::string>> run_errand(
    asio::io_context& io, std::function<std::string()> work, std::vector<int> keep, Nanos limit) {
    auto pipe = sys::pipe();
    if (!pipe) co_return std::nullopt;
    int to = pipe->writer.number();
    keep.push_back(to);
    auto started = sys::fork_running([&] {
        keep_only(keep);
        std::string answer = come + work();
        return sys::write_all(to, as_bytes(answer)) ? 0 : 1;
    });
    pipe->writer.close();
    if (!started) co_return std::nullopt;
    auto child = std::make_shared<Child>(io, std::move(*started), pipe->reader.release());
    asio::steady_timer over(io, limit);
    over.async_wait([child](boost::system::error_code canceled) {
        if (!canceled) child->give_up();
    });
    std::string answer, part(4096, '\0');
    for (;;) {
        auto [error, count] = co_await child->answers.async_read_some(asio::buffer(part), no_throw);
        if (error) break;
        answer.append(part, 0, count);
        if (answer.size() > answer_max) child->give_up();
    }
    if (!answer.starts_with(come) || !child->answers.is_open()) co_return std::nullopt;
    co_return answer.substr(1);
}

} // namespace rove::node
