// SPDX-License-Identifier: Apache-2.0
// Figures: numbers to names.
#include "node/balance/figures.hh"

#include <cmath>

namespace rove::node {

namespace {
constexpr size_t decisions_max = 20;
}

boost::json::object figures_row(policy::Figures const& f, char const* because) {
    boost::json::object row{{"because", because}};
    auto add = [&](char const* name, float value) {
        // Three digits behind the point are more than anything here is worth.
        double rounded = std::round(static_cast<double>(value) * 1000) / 1000;
        if (std::isfinite(rounded)) row[name] = rounded;
    };
    // Beyond microseconds nobody can measure it.
    if (f.round_trip_s != 0)
        row["round_trip_us"] = std::round(static_cast<double>(f.round_trip_s) * 1e6);
    if (f.calls != 0) add("calls_per_cpu_second", f.calls);
    if (f.messages != 0) add("messages_per_cpu_second", f.messages);
    if (f.stretch_here == 0) return row;
    add("load_here", f.load_here);
    if (f.stretch_there != 0) add("load_there", f.load_there);
    add("stretch_here", f.stretch_here);
    if (f.stretch_there != 0) add("stretch_there", f.stretch_there);
    if (f.needed_s == 0) return row;
    if (f.expected_s != 0) add("expected_s", f.expected_s);
    add("remaining_s", f.remaining_s);
    add("crowded_s", f.crowded_s);
    add("stay_s", f.stay_s);
    add("go_s", f.go_s);
    add("cost_s", f.cost_s);
    add("talk_s", f.talk_s);
    add("gain_s", f.gain_s);
    add("needed_s", f.needed_s);
    return row;
}

Decision decision_of(policy::Note const& note, Nanos now, std::string from, std::string to) {
    Decision decision;
    decision.at = now;
    decision.verdict = policy::word(note.verdict);
    decision.from = std::move(from);
    decision.to = std::move(to);
    decision.figures = figures_row(note.figures, policy::sentence(note.verdict));
    decision.repeats = true;
    return decision;
}

boost::json::array decision_rows(std::deque<Decision> const& decisions) {
    auto or_null = [](std::string const& text) {
        return text.empty() ? boost::json::value() : boost::json::value(text);
    };
    boost::json::array rows;
    for (auto at = decisions.rbegin(); at != decisions.rend(); ++at)
        rows.push_back(
            {{"ms_ago", (monotonic_now() - at->at).count() / 1000000}, {"verdict", at->verdict},
                {"from", or_null(at->from)}, {"to", or_null(at->to)}, {"figures", at->figures}});
    return rows;
}

void remember(std::deque<Decision>& decisions, Decision decision) {
    bool again = !decisions.empty() && decisions.back().repeats && decision.repeats &&
                 decisions.back().verdict == decision.verdict;
    if (again) decisions.pop_back();
    decisions.push_back(std::move(decision));
    if (decisions.size() > decisions_max) decisions.pop_front();
}

} // namespace rove::node
