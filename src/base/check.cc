// SPDX-License-Identifier: Apache-2.0
// CHECK: its last words.
#include "base/check.hh"

#include <cstdlib>
#include <string_view>

#include <fmt/core.h>
#include <unistd.h>

#include "base/recorder.hh"

namespace rove {

void check_failed(char const* condition, Where where) {
    char line[512];
    auto end = fmt::format_to_n(line, sizeof line, "{}:{}: CHECK({}) failed; the last events:\n",
        where.file, where.line, condition);
    (void)!::write(2, line, static_cast<size_t>(end.out - line));
    dump_recorder(2);
    std::abort();
}

} // namespace rove
