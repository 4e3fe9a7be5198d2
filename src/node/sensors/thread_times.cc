// SPDX-License-Identifier: Apache-2.0
// Thread times: differences.
#include "node/sensors/thread_times.hh"

#include "base/text.hh"

namespace rove::node {

std::optional<ThreadTime> parse_schedstat(std::string_view text) {
    auto fields = words(text);
    if (fields.size() < 2) return std::nullopt;
    auto run = parse_number<uint64_t>(fields[0]), wait = parse_number<uint64_t>(fields[1]);
    if (!run || !wait) return std::nullopt;
    return ThreadTime{*run, *wait};
}

void ThreadTimes::saw(pid_t thread, ThreadTime const& total) {
    auto [found, is_new] = threads_.try_emplace(thread);
    ThreadTime before = found->second.total;
    // The number may be another thread's by now; a new one has done all that it did since then.
    bool other = total.run_ns < before.run_ns || total.wait_ns < before.wait_ns;
    if (is_new || other) before = {};
    seen_.run_ns += total.run_ns - before.run_ns;
    seen_.wait_ns += total.wait_ns - before.wait_ns;
    found->second = {total, look_};
}

std::optional<ThreadTime> ThreadTimes::end_look() {
    std::erase_if(threads_, [&](auto const& each) { return each.second.look != look_; });
    return look_++ == 1 ? std::nullopt : std::optional(seen_);
}

} // namespace rove::node
