// SPDX-License-Identifier: Apache-2.0
// Table: rows.def as numbers, and the proof that no call has been forgotten.
#include "syscalls/vocabulary.hh"

namespace rove::syscalls {

namespace {

struct Table {
    Row rows[rows_max];
};

consteval Table make_table() {
    using namespace vocabulary;
    Table table{};
#define ROW(nr, name, who, ...) table.rows[nr] = Row{Who::who, {__VA_ARGS__}};
#include "syscalls/rows.def"
#undef ROW
    return table;
}

consteval bool sorted() {
    int last = -1;
#define ROW(nr, name, who, ...)                                                                    \
    if (nr <= last) return false;                                                                  \
    last = nr;
#include "syscalls/rows.def"
#undef ROW
    return true;
}
static_assert(sorted());

/// Numbers 337 to 423 are not given to anybody on x86-64: new calls have been numbered like on all
/// other machines.
consteval bool complete() {
    Table const table = make_table();
    for (unsigned nr = 0; nr <= 469; ++nr)
        if ((nr < 337 || nr > 423) && table.rows[nr].who == Who::unlisted) return false;
    return true;
}
static_assert(complete());

constexpr Table table = make_table();

} // namespace

Row const& row_of(unsigned long nr) {
    // The highest number of the table is free, and its row empty.
    return table.rows[nr < rows_max ? nr : rows_max - 1];
}

} // namespace rove::syscalls
