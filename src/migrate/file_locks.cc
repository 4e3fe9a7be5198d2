// SPDX-License-Identifier: Apache-2.0
// File locks: see file_locks.hh. A line is "1: FLOCK ADVISORY WRITE 1096 fe:00:10960897 0 EOF";
// "->" stands before the word of one who waits.
#include "migrate/file_locks.hh"

#include <algorithm>
#include <string>
#include <vector>

#include <sys/file.h>

#include <fmt/format.h>

namespace rove::migrate {

namespace {

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    while (!line.empty()) {
        size_t begin = line.find_first_not_of(' ');
        if (begin == std::string_view::npos) break;
        line.remove_prefix(begin);
        size_t end = std::min(line.find(' '), line.size());
        words.push_back(line.substr(0, end));
        line.remove_prefix(end);
    }
    return words;
}

} // namespace

FileLocks parse_locks(
    std::string_view text, uint32_t device_major, uint32_t device_minor, uint64_t inode) {
    std::string file = fmt::format("{:02x}:{:02x}:{}", device_major, device_minor, inode);
    FileLocks found;
    while (!text.empty()) {
        size_t end = std::min(text.find('\n'), text.size());
        auto words = words_of(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (std::find(words.begin(), words.end(), file) == words.end() || words.size() < 4)
            continue;
        if (words[1] == "->")
            found.waiting = true;
        else if (words[1] != "FLOCK")
            found.parts = true;
        else if (words[3] == "READ" && found.flock == 0)
            found.flock = LOCK_SH;
        else if (words[3] != "READ")
            found.flock = LOCK_EX;
    }
    return found;
}

} // namespace rove::migrate
