// SPDX-License-Identifier: Apache-2.0
// Reasons: the table.
#include "node/reasons.hh"

namespace rove::node {

namespace {
constexpr Reason reasons[] = {
#define ROW(word, passes, sentence, lifted_by) {#word, Passes::passes, sentence, lifted_by},
#include "wire/reasons.def"
#undef ROW
};
} // namespace

Reason const* find_reason(std::string_view word) {
    for (Reason const& reason : reasons)
        if (word == reason.word) return &reason;
    return nullptr;
}

std::string reason_sentence(std::string const& word, std::string const& text) {
    if (!text.empty()) return text;
    Reason const* reason = find_reason(word);
    return reason ? reason->sentence : word;
}

std::string reasons_document() {
    std::string text = "# Reasons\n\n"
                       "Why a process cannot be away. The words are stable: `rove ps`, `rove "
                       "explain` and the report of\n"
                       "`rove run --report` use them. Made from `src/wire/reasons.def`.\n\n"
                       "| word | why | passes | what lifts it |\n|---|---|---|---|\n";
    for (Reason const& reason : reasons) {
        char const* passes = reason.passes == Passes::at_once     ? "at once"
                             : reason.passes == Passes::when_gone ? "when gone"
                                                                  : "never";
        text += std::string("| `") + reason.word + "` | " + reason.sentence + " | " + passes +
                " | " + reason.lifted_by + " |\n";
    }
    return text;
}

} // namespace rove::node
