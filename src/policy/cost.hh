// SPDX-License-Identifier: Apache-2.0
// Cost: how long a move takes, a + b * bytes, learned from the moves that were made.
//
// Least squares over (bytes, seconds) in which older moves count less and less. The first values
// are a guess that counts as much as a few moves do, and to which time leads back: moves that were
// dear when all was busy would else keep others from being made, and cheaper ones from being seen.
#pragma once

#include <cstdint>

namespace rove::policy {

class MigrationCost {
public:
    double seconds(uint64_t bytes) const { return fixed_ + per_byte_ * static_cast<double>(bytes); }
    void learn(uint64_t bytes, double seconds);
    // So much time has passed.
    void fade(double passed_s);
    double fixed() const { return fixed_; }
    double per_byte() const { return per_byte_; }

    template <class V> friend void describe(V& v, MigrationCost& cost) {
        v.field("fixed", cost.fixed_);
        v.field("per_byte", cost.per_byte_);
        v.field("count", cost.count_);
        v.field("x", cost.x_);
        v.field("y", cost.y_);
        v.field("xx", cost.xx_);
        v.field("xy", cost.xy_);
    }

private:
    void solve();

    // A guess from docs/benchmarks.md: a small program 25 ms, large ones 1.4 GB/s.
    double fixed_ = 0.025, per_byte_ = 0.7e-9;
    // Sums with decay, in MB so that they stay near 1; begun with two points of the guess.
    double count_ = 2, x_ = 1000, y_ = 2 * 0.025 + 0.7, xx_ = 1e6, xy_ = (0.025 + 0.7) * 1000;
};

} // namespace rove::policy
