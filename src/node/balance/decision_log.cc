// SPDX-License-Identifier: Apache-2.0
// DecisionLog: appending and turning over.
#include "node/balance/decision_log.hh"

#include <cstdio>

#include <spdlog/spdlog.h>
#include <unistd.h>

#include "sys/files.hh"

namespace rove::node {

namespace {
constexpr Nanos quiet = std::chrono::seconds(10);
}

void DecisionLog::add(policy::Record const& record, Nanos now) {
    if (bytes_max_ == 0 || (record.orders.empty() && now < quiet_until_)) return;
    if (record.orders.empty()) quiet_until_ = now + quiet;
    std::string bytes = policy::encode_record(record);
    auto present = sys::stat(path_);
    if (present && static_cast<uint64_t>(present->st_size) + bytes.size() > bytes_max_ / 2)
        (void)::rename(path_.c_str(), (path_ + ".1").c_str());
    auto file = sys::open(path_, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (!file || ::write(file->number(), bytes.data(), bytes.size()) < 0)
        spdlog::warn("a decision is not logged: {} cannot be written", path_);
}

} // namespace rove::node
