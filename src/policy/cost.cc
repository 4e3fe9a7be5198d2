// SPDX-License-Identifier: Apache-2.0
// Cost: the regression.
#include "policy/cost.hh"

#include <algorithm>
#include <cmath>

namespace rove::policy {

namespace {
constexpr double keep = 0.95;   // of the weight of what was learned, at each move
constexpr double least = 0.001; // no move takes less
constexpr double unit = 1e6;    // bytes
constexpr double half_faded_s = 60;
} // namespace

void MigrationCost::learn(uint64_t bytes, double seconds) {
    if (!(seconds >= 0)) return;
    double x = static_cast<double>(bytes) / unit;
    count_ = keep * count_ + 1;
    x_ = keep * x_ + x;
    y_ = keep * y_ + seconds;
    xx_ = keep * xx_ + x * x;
    xy_ = keep * xy_ + x * seconds;
    solve();
}

void MigrationCost::fade(double passed_s) {
    if (!(passed_s > 0)) return;
    MigrationCost const guess;
    double kept = std::exp2(-passed_s / half_faded_s);
    auto blend = [&](double& sum, double guessed) { sum = kept * sum + (1 - kept) * guessed; };
    blend(count_, guess.count_);
    blend(x_, guess.x_);
    blend(y_, guess.y_);
    blend(xx_, guess.xx_);
    blend(xy_, guess.xy_);
    solve();
}

void MigrationCost::solve() {
    double spread = count_ * xx_ - x_ * x_;
    // All of one size: the slope cannot be learned, the mean can.
    double slope =
        spread > 1e-9 * count_ * xx_ ? (count_ * xy_ - x_ * y_) / spread : per_byte_ * unit;
    slope = std::max(slope, 0.0);
    per_byte_ = slope / unit;
    fixed_ = std::max((y_ - slope * x_) / count_, least);
}

} // namespace rove::policy
