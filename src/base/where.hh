// SPDX-License-Identifier: Apache-2.0
// Where: a place in our source, taken as a default argument.
//
// The library's source_location does not compile under clang 14 with libstdc++ 12, the built-ins
// do.
#pragma once

namespace rove {

struct Where {
    char const* file = "";
    int line = 0;

    static constexpr Where here(char const* file = __builtin_FILE(), int line = __builtin_LINE()) {
        return Where{file, line};
    }

    // The file's last path component: what a log line shows.
    constexpr char const* name() const {
        char const* last = file;
        for (char const* at = file; *at != 0; ++at)
            if (*at == '/') last = at + 1;
        return last;
    }
};

} // namespace rove
