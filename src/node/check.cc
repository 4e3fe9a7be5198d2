// SPDX-License-Identifier: Apache-2.0
// Check: what this machine allows, for whoever asks.
//
// The probes start processes and take some 20 ms, so a child makes them, and one at a time; what it
// found holds for a while. Root, who may have changed something, always has them made anew.
#include <boost/json.hpp>

#include "node/errand.hh"
#include "node/node.hh"
#include "node/probe.hh"

namespace rove::node {

namespace json = boost::json;

namespace {
constexpr Nanos kept = std::chrono::minutes(1), patience = std::chrono::seconds(20);
}

Task<Outcome> Node::check(Caller caller) {
    bool known = !probed_.empty() && monotonic_now() - probed_at_ < kept;
    if (probing_) {
        auto probing = probing_;
        (void)co_await probing->wait(Nanos::max());
    } else if (caller.uid == 0 || !known) {
        auto probing = probing_ = std::make_shared<Event>(io_);
        std::function<std::string()> work = [] { return json::serialize(probe_rows()); };
        std::vector<int> keep;
        auto answer = co_await run_errand(io_, work, keep, patience);
        json::error_code wrong;
        json::value rows = answer ? json::parse(*answer, wrong) : json::value();
        probed_ = rows.is_array() ? rows.get_array() : json::array();
        probed_at_ = monotonic_now();
        probing_ = nullptr;
        probing->set();
    }
    if (probed_.empty()) co_return Outcome::failed(1, "the probes did not come to an end");
    co_return Outcome::done(probed_);
}

} // namespace rove::node
