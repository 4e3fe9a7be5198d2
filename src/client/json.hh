// SPDX-License-Identifier: Apache-2.0
// JSON: the daemon's answers as values, with accessors that do not trust their shape.
//
// Boost.JSON throws or asserts when a value is not what was expected; these give nothing instead.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "base/result.hh"

namespace rove::client {

using Json = boost::json::value;

/// Depth is limited to 32; bytes that are no UTF-8 are let through within strings.
Result<Json> parse_json(std::string_view text);
/// One line, valid UTF-8 whatever the value holds.
std::string print_json(Json const& value);
/// Each byte that belongs to no character becomes U+FFFD.
std::string valid_utf8(std::string_view text);

/// Null if there is no such field, or `value` is no object.
Json const* field(Json const& value, std::string_view name);
std::optional<std::string> text_field(Json const& value, std::string_view name);
std::optional<double> number_field(Json const& value, std::string_view name);
std::optional<bool> bool_field(Json const& value, std::string_view name);
/// A value as a person would write it: text without quotes, "-" for null, the rest as JSON.
std::string plain_text(Json const& value);

} // namespace rove::client
