// SPDX-License-Identifier: Apache-2.0
// PID name: "HOME:PID", or a number, as requests have it. Pure; takes hostile values.
#pragma once

#include <string>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <sys/types.h>

#include "base/text.hh"

namespace rove::node {

struct PidName {
    std::string home; // empty: this one
    pid_t pid = 0;    // 0: not a PID
};

inline PidName parse_pid(boost::json::value const& value) {
    PidName name;
    if (value.is_int64() && value.get_int64() > 0 && value.get_int64() < 1 << 30)
        name.pid = static_cast<pid_t>(value.get_int64());
    if (!value.is_string()) return name;
    std::string_view text(value.get_string().data(), value.get_string().size());
    size_t colon = text.rfind(':');
    if (colon != std::string_view::npos) {
        name.home = text.substr(0, colon);
        text.remove_prefix(colon + 1);
    }
    auto number = parse_number<pid_t>(text);
    if (number && *number > 0) name.pid = *number;
    return name;
}

// The body of a question about one process of another home.
inline boost::json::object pid_body(pid_t pid) {
    return {{"pid", pid}};
}

// A part of a path, where "%3A" stands for the colon.
inline boost::json::value pid_value(std::string_view text) {
    std::string plain;
    for (size_t i = 0; i < text.size(); ++i) {
        unsigned code = 0;
        if (text[i] == '%' && i + 2 < text.size())
            if (auto parsed = parse_number<unsigned>(text.substr(i + 1, 2), 16)) code = *parsed;
        if (code != 0) {
            plain += static_cast<char>(code);
            i += 2;
        } else {
            plain += text[i];
        }
    }
    return boost::json::value(plain);
}

} // namespace rove::node
