// SPDX-License-Identifier: Apache-2.0
// Random: a small generator whose whole state is one number, so that a decision can be repeated.
//
// SplitMix64 (Steele, Lea and Flood 2014): as good as is needed for breaking ties and drawing
// delays, and it costs nothing to begin a new stream.
#pragma once

#include <cmath>
#include <cstdint>

namespace rove::policy {

class Random {
public:
    explicit Random(uint64_t seed) : state_(seed) {}
    // A stream of its own for each of many things of one seed.
    Random(uint64_t seed, uint64_t stream) : state_(seed ^ (stream + 1) * 0xd1342543de82ef95u) {
        (void)next();
    }

    uint64_t next() {
        uint64_t z = state_ += 0x9e3779b97f4a7c15u;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
        z = (z ^ z >> 27) * 0x94d049bb133111ebu;
        return z ^ z >> 31;
    }
    // In [0, 1).
    double part() { return static_cast<double>(next() >> 11) * 0x1p-53; }
    // In [0, count); count is not 0.
    uint64_t below(uint64_t count) {
        return static_cast<uint64_t>(
            __extension__ static_cast<unsigned __int128>(next()) * count >> 64);
    }
    double exponential(double mean) { return -mean * std::log1p(-part()); }
    bool happens(double probability) { return part() < probability; }
    uint64_t state() const { return state_; }

private:
    uint64_t state_;
};

} // namespace rove::policy
