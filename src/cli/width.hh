// SPDX-License-Identifier: Apache-2.0
// Width: how many columns of a terminal a text takes, and the part of it that fits.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rove::cli {

/// 0: it joins the character before it, or says how text is to be laid out. 2: East Asian wide
/// characters and pictures.
size_t char_width(char32_t character);

/// The first character of valid UTF-8 and how many bytes it takes.
struct Decoded {
    char32_t character;
    size_t bytes;
};
Decoded first_char(std::string_view text);

/// Columns that the text, valid UTF-8, takes.
size_t text_width(std::string_view text);

/// At most `width` columns of the text, its end replaced by '…' ("+" without UTF-8) if some was cut
/// off.
std::string cut_text(std::string_view text, size_t width, bool utf8);

} // namespace rove::cli
