// SPDX-License-Identifier: Apache-2.0
// JSON fields: members of a request, or nothing if they are absent, null or of another type.
#pragma once

#include <cmath>
#include <optional>
#include <string>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

namespace rove::node {

inline boost::json::value const* member_field(boost::json::object const& body, char const* key) {
    auto* value = body.if_contains(key);
    return value && !value->is_null() ? value : nullptr;
}
inline std::optional<std::string> text_field(boost::json::object const& body, char const* key) {
    auto* value = member_field(body, key);
    if (!value || !value->is_string()) return std::nullopt;
    return std::string(value->get_string());
}
inline bool flag_field(boost::json::object const& body, char const* key, bool otherwise = false) {
    auto* value = member_field(body, key);
    return value && value->is_bool() ? value->get_bool() : otherwise;
}
inline std::optional<int64_t> number_field(boost::json::object const& body, char const* key) {
    auto* value = member_field(body, key);
    if (!value || !value->is_number()) return std::nullopt;
    boost::json::error_code wrong;
    auto result = value->to_number<int64_t>(wrong);
    return wrong ? std::nullopt : std::optional(result);
}
// 0 if it is none.
inline uint64_t count_field(boost::json::object const& body, char const* key) {
    auto* value = member_field(body, key);
    if (!value || !value->is_number()) return 0;
    boost::json::error_code wrong;
    auto result = value->to_number<uint64_t>(wrong);
    return wrong ? 0 : result;
}
// 0 if it is no number that can be counted with.
inline double decimal_field(boost::json::object const& body, char const* key) {
    auto* value = member_field(body, key);
    if (!value || !value->is_number()) return 0;
    boost::json::error_code wrong;
    double result = value->to_number<double>(wrong);
    return wrong || !std::isfinite(result) || result < 0 ? 0 : result;
}

} // namespace rove::node
