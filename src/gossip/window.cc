// SPDX-License-Identifier: Apache-2.0
// Window: the closed forms. The derivation is in README.md.
#include "gossip/window.hh"

#include <algorithm>
#include <cmath>

namespace rove::gossip {

namespace {

// E(t), how many nodes hold a bulletin of one node that is at most t old, the node itself among
// them, grows as an infection does: E' = (E + a)(N - E)/(N - 1), E(0) = 1, where a = 1 if the node
// hands its own out twice a step, as a sender and in answers, else 0.
struct Ages {
    double n, w, a;
    double k, rate; // (E + a)/(N - E) = k·exp(rate·t)
    Ages(size_t nodes, size_t window, Flow flow)
        : n(static_cast<double>(nodes)),
          // A window that holds everybody has no youngest part: the form has its pole there.
          w(std::min(static_cast<double>(window), n - 0.5)),
          a(flow == Flow::answered ? 1 : 0),
          k((1 + a) / (n - 1)),
          rate((n + a) / (n - 1)) {}

    // The age up to which all entries fit into a window.
    double fills_at() const { return std::log((w + a) / (n - w) / k) / rate; }
    double average_in_window() const {
        double t = fills_at();
        double spread = -a * t + (n - 1) * std::log((1 + k * std::exp(rate * t)) / (1 + k));
        return t - spread / w;
    }
    // Those that are older are refreshed as by lot, by all that comes in a step.
    double missed_in_a_step() const { return (w + a) * std::log1p(-1 / (n - 1)); }
};

using Form = double (*)(size_t nodes, size_t window, Flow flow);
size_t smallest(size_t nodes, double age, Flow flow, Form form) {
    // The ages fall as the window grows.
    size_t low = 1, high = nodes;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (form(nodes, middle, flow) < age)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

// Two nodes tell each other once a step, or twice.
double age_of_two(size_t nodes, Flow flow) {
    return nodes < 2 ? 0 : flow == Flow::push ? 1 : 0.5;
}

} // namespace

double average_age(size_t nodes, size_t window, Flow flow) {
    if (nodes < 3) return age_of_two(nodes, flow);
    Ages ages(nodes, window, flow);
    return ages.average_in_window() + 1 / -std::expm1(ages.missed_in_a_step());
}

double maximum_age(size_t nodes, size_t window, Flow flow) {
    constexpr double euler = 0.57721566490153286;
    if (nodes < 3) return age_of_two(nodes, flow);
    Ages ages(nodes, window, flow);
    return -(std::log(ages.n) + euler) / ages.missed_in_a_step();
}

double entries_up_to(size_t nodes, size_t window, double age, Flow flow) {
    if (nodes < 3) return static_cast<double>(nodes);
    Ages ages(nodes, window, flow);
    return ages.n * -std::expm1((age - ages.average_in_window()) * ages.missed_in_a_step());
}

size_t window_for_average(size_t nodes, double age, Flow flow) {
    return smallest(nodes, age, flow, average_age);
}
size_t window_for_maximum(size_t nodes, double age, Flow flow) {
    return smallest(nodes, age, flow, maximum_age);
}

} // namespace rove::gossip
