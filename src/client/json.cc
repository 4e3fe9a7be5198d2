// SPDX-License-Identifier: Apache-2.0
// JSON: parsing, printing and looking into values; see json.hh.
#include "client/json.hh"

#include <cmath>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace rove::client {

namespace json = boost::json;

Result<Json> parse_json(std::string_view text) {
    json::parse_options options;
    options.max_depth = 32;
    options.allow_invalid_utf8 = true;
    json::error_code error;
    Json value = json::parse(json::string_view(text.data(), text.size()), error, {}, options);
    if (error) return fail(EBADMSG, "the reply is not JSON ({})", error.message());
    return value;
}

std::string print_json(Json const& value) {
    return valid_utf8(json::serialize(value));
}

namespace {

// Length of the character that starts at text[at], 0 if none does.
size_t character_length(std::string_view text, size_t at) {
    auto const byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    unsigned char const first = byte(at);
    if (first < 0x80) return 1;
    size_t const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || at + length > text.size()) return 0;
    for (size_t i = 1; i < length; i++)
        if ((byte(at + i) & 0xc0) != 0x80) return 0;
    unsigned char const second = byte(at + 1);
    bool const overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
    bool const surrogate = first == 0xed && second >= 0xa0;
    bool const too_big = first == 0xf4 && second >= 0x90;
    return overlong || surrogate || too_big ? 0 : length;
}

} // namespace

std::string valid_utf8(std::string_view text) {
    std::string valid;
    valid.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
        size_t const length = character_length(text, at);
        if (length == 0) {
            valid += "\xef\xbf\xbd";
            at++;
        } else {
            valid.append(text.substr(at, length));
            at += length;
        }
    }
    return valid;
}

Json const* field(Json const& value, std::string_view name) {
    json::object const* object = value.if_object();
    return object ? object->if_contains(json::string_view(name.data(), name.size())) : nullptr;
}

std::optional<std::string> text_field(Json const& value, std::string_view name) {
    Json const* found = field(value, name);
    json::string const* text = found ? found->if_string() : nullptr;
    if (!text) return std::nullopt;
    return std::string(text->data(), text->size());
}

std::optional<double> number_field(Json const& value, std::string_view name) {
    Json const* found = field(value, name);
    if (!found) return std::nullopt;
    if (int64_t const* number = found->if_int64()) return static_cast<double>(*number);
    if (uint64_t const* number = found->if_uint64()) return static_cast<double>(*number);
    if (double const* number = found->if_double(); number && std::isfinite(*number)) return *number;
    return std::nullopt;
}

std::optional<bool> bool_field(Json const& value, std::string_view name) {
    Json const* found = field(value, name);
    bool const* flag = found ? found->if_bool() : nullptr;
    return flag ? std::optional<bool>(*flag) : std::nullopt;
}

std::string plain_text(Json const& value) {
    if (value.is_null()) return "-";
    if (json::string const* text = value.if_string())
        return std::string(text->data(), text->size());
    return print_json(value);
}

} // namespace rove::client
