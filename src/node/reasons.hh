// SPDX-License-Identifier: Apache-2.0
// Reasons: the words of wire/reasons.def with what they mean.
#pragma once

#include <string>
#include <string_view>

namespace rove::node {

enum class Passes { at_once, when_gone, never };

struct Reason {
    char const* word;
    Passes passes;
    char const* sentence;
    char const* lifted_by;
};

// None for a word that is not in the table.
Reason const* find_reason(std::string_view word);

// `text` if somebody told more than the word, else the table's sentence, else the word.
std::string reason_sentence(std::string const& word, std::string const& text);

// docs/reasons.md, which a test compares with the file.
std::string reasons_document();

} // namespace rove::node
