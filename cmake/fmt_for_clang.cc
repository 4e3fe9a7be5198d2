// SPDX-License-Identifier: Apache-2.0
// One function of fmt, which the distribution's libfmt (made by g++) has under another mangled name
// than clang 14 asks for: the two mangle a dependent type in its parameters differently.
#include <fmt/format.h>

template void fmt::detail::vformat_to(
    buffer<char>&, string_view, basic_format_args<FMT_BUFFER_CONTEXT(char)>, locale_ref);
