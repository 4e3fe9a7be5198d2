// SPDX-License-Identifier: Apache-2.0
// Executor: commands to the porter in P over its command socket.
//
// Commands may be sent ahead; the replies come in order. While a long one runs, `idle` is called
// every 100 ms, so that sessions can be kept alive.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.hh"
#include "base/fd.hh"
#include "base/result.hh"
#include "wire/region.hh"

namespace rove::migrate {

class Executor {
public:
    explicit Executor(Fd socket) : socket_(std::move(socket)) {}

    // Called now and then while a reply is waited for; its error ends the waiting, and the reply
    // that then is still owed is thrown away when it comes.
    std::function<Status()> idle = [] { return Status{}; };

    int look_ms = 100; // how often it is called

    struct Reply {
        int64_t result = 0, detail = 0;
        std::string bytes;
    };
    Status send(wire::ExecOp op, std::vector<uint64_t> const& args, std::string_view bytes = {});
    Result<Reply> wait(Nanos patience);
    // One command and its reply; a negative result is the error.
    Result<Reply> perform(wire::ExecOp op, std::vector<uint64_t> const& args,
        std::string_view bytes = {}, Nanos patience = std::chrono::seconds(10));

    // One system call; its result as the kernel gives it.
    Result<int64_t> call(uint64_t number, std::vector<uint64_t> const& args);
    // In order until one fails; how many went well, all in few round trips. Failures are skipped if
    // `tolerant` (the call is not that important, as with advice).
    Status calls(std::vector<wire::ExecCall> const& calls);
    Status calls_tolerant(std::vector<wire::ExecCall> const& calls);
    // The descriptor's number in P, at least `at_least`.
    Result<int> take_fd(int fd, int at_least);
    Status send_pages(int fd_there, std::vector<wire::PageRange> const& ranges, uint32_t epoch);
    Status wake(uint64_t address, uint32_t count = 0x7fffffff);
    int fd() const { return socket_.number(); }
    // After this nothing more is answered: the porter ends itself.
    Status end_porter();

private:
    Result<Reply> take(Deadline deadline);

    Fd socket_;
    int owed_ = 0; // commands whose replies have not come
};

} // namespace rove::migrate
