// SPDX-License-Identifier: Apache-2.0
// fmt as an archive, from the distribution's headers: it has only a shared libfmt, which a program
// without a dynamic linker cannot have, and which clang 14 cannot use (g++ mangles a dependent type
// in the parameters of one function differently).
#include <fmt/format-inl.h>

FMT_BEGIN_NAMESPACE
namespace detail {
template auto thousands_sep_impl(locale_ref) -> thousands_sep_result<char>;
template auto decimal_point_impl(locale_ref) -> char;
template void vformat_to(
    buffer<char>&, string_view, basic_format_args<FMT_BUFFER_CONTEXT(char)>, locale_ref);
} // namespace detail
FMT_END_NAMESPACE
