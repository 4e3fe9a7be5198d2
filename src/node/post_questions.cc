// SPDX-License-Identifier: Apache-2.0
// PostOffice: what offices of other nodes ask: which verb is whose.
#include "node/post_office.hh"

namespace rove::node {

bool PostOffice::answers(std::string_view verb) {
    return verb == wire::mail_verb || verb == wire::mail_direct_verb ||
           verb == wire::mail_end_verb || verb == wire::mail_together_verb;
}

Task<wire::Answer> PostOffice::serve_ask(std::string from, wire::Ask ask) {
    if (ask.verb == wire::mail_direct_verb)
        co_return co_await answer(std::move(from), std::move(ask.body), &PostOffice::serve_direct);
    if (ask.verb == wire::mail_end_verb)
        co_return co_await answer(std::move(from), std::move(ask.body), &PostOffice::serve_end);
    if (ask.verb == wire::mail_together_verb)
        co_return co_await answer(
            std::move(from), std::move(ask.body), &PostOffice::serve_together);
    co_return co_await answer(std::move(from), std::move(ask.body), &PostOffice::serve_line);
}

template <class Question, class Reply>
Task<wire::Answer> PostOffice::answer(
    std::string from, std::string body, Task<Reply> (PostOffice::*serve)(std::string, Question)) {
    constexpr int32_t no_sense = 2;
    auto question = wire::decode<Question>(body);
    if (!question) co_return wire::Answer{no_sense, ""};
    Reply reply = co_await (this->*serve)(std::move(from), std::move(*question));
    co_return wire::Answer{0, wire::encode(reply)};
}

} // namespace rove::node
