// SPDX-License-Identifier: Apache-2.0
// Thread times: differences.
#include "node/sensors/thread_times.hh"

#include <algorithm>
#include <utility>

#include "base/text.hh"

namespace rove::node {

std::optional<ThreadTime> parse_schedstat(std::string_view text) {
    auto fields = words(text);
    if (fields.size() < 2) return std::nullopt;
    auto run = parse_number<uint64_t>(fields[0]), wait = parse_number<uint64_t>(fields[1]);
    if (!run || !wait) return std::nullopt;
    return ThreadTime{*run, *wait};
}

void ThreadTimes::begin_look(Nanos now) {
    Nanos passed = now - std::exchange(looked_, now);
    passed_ns_ = static_cast<uint64_t>(std::max<Nanos>(passed, Nanos(0)).count());
    seen_ = {};
}

void ThreadTimes::saw(pid_t thread, ThreadTime const& total) {
    auto [found, is_new] = threads_.try_emplace(thread);
    ThreadTime before = found->second.total;
    // The number may be another thread's by now; a new one has done all that it did since then.
    bool other = total.run_ns < before.run_ns || total.wait_ns < before.wait_ns;
    if (is_new || other) before = {};
    uint64_t run = total.run_ns - before.run_ns, wait = total.wait_ns - before.wait_ns;
    seen_.run_ns += run;
    seen_.wait_ns += std::min(wait, passed_ns_ - std::min(run, passed_ns_));
    found->second = {total, look_};
}

std::optional<ThreadTime> ThreadTimes::end_look() {
    std::erase_if(threads_, [&](auto const& each) { return each.second.look != look_; });
    return look_++ == 1 ? std::nullopt : std::optional(seen_);
}

} // namespace rove::node
