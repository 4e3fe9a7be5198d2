// SPDX-License-Identifier: Apache-2.0
// Answer: how a verb ends: its rows as JSON in the contract's shape, or its trouble in one
// sentence.
#pragma once

#include <initializer_list>

#include "cli/verb.hh"
#include "client/json.hh"
#include "client/trouble.hh"

namespace rove::cli {

using client::Asked;
using client::Exit;
using client::Json;
using client::Trouble;

/// The fields of one row, in the contract's order.
using Shape = std::span<char const* const>;

/// The row with all fields of its shape first, in order, null where the daemon told none; whatever
/// else it told follows.
Json shaped(Json const& row, Shape shape);
/// Each row of an array; what is no array becomes an array of one.
Json shaped_rows(Json const& rows, Shape shape);

/// The rows themselves; nothing if the answer is no array.
std::vector<Json> rows_of(Json const& answer);

/// Writes to standard output. False with a message if that is not possible (disk full).
int print(std::string_view text);

/// Prints the trouble on standard error in the form asked for. Its exit code.
int report(Given const& given, Trouble const& trouble);
int report(bool json, std::string_view verb, Trouble const& trouble);
int usage(Given const& given, std::string sentence);

/// A PID as people write it: 123 or HOME:123.
bool is_pid(std::string_view text);
/// A usage error if the verb's first argument is none; else 0.
int check_pid(Given const& given);

} // namespace rove::cli
