// SPDX-License-Identifier: Apache-2.0
// Figures text: names end in their unit, so values can be written as people read them.
#include "cli/figures_text.hh"

#include <algorithm>
#include <string_view>

#include <boost/json/object.hpp>
#include <fmt/core.h>

#include "cli/figures.hh"

namespace rove::cli {

namespace {

std::string one(std::string_view name, client::Json const& object) {
    client::Json const& value = *client::field(object, name);
    Figure const number = client::number_field(object, name);
    auto const stem = [&](std::string_view unit) {
        std::string text(name.substr(0, name.size() - unit.size()));
        std::replace(text.begin(), text.end(), '_', ' ');
        return text;
    };
    if (number && name.ends_with("_bytes")) return stem("_bytes") + " " + human_bytes(number);
    if (number && name == "bytes") return human_bytes(number);
    if (number && name.ends_with("_ms")) return stem("_ms") + " " + human_ms(number);
    if (number && name.ends_with("_us")) return fmt::format("{} {:.0f} us", stem("_us"), *number);
    // What is saved may be less than nothing.
    if (number && name.ends_with("_s")) return fmt::format("{} {:.3g} s", stem("_s"), *number);
    if (number) return stem("") + " " + at_most(number, 3);
    return stem("") + " " + client::plain_text(value);
}

} // namespace

std::string figures_text(client::Json const& figures) {
    boost::json::object const* object = figures.if_object();
    if (!object) return client::plain_text(figures);
    std::string text;
    for (auto const& pair : *object) {
        if (pair.value().is_null()) continue;
        if (!text.empty()) text += ", ";
        text += one(std::string_view(pair.key().data(), pair.key().size()), figures);
    }
    return text.empty() ? "-" : text;
}

} // namespace rove::cli
