// SPDX-License-Identifier: Apache-2.0
// Maps: the parser.
#include "image/maps.hh"

#include <sys/mman.h>

#include "base/text.hh"

namespace rove::image {

namespace {

// A mapping's first line begins "55d0-55d1 rw-p"; smaps' other lines begin "Name:" or "VmFlags:".
bool is_heading(std::string_view line) {
    size_t space = line.find(' ');
    if (space == std::string_view::npos) return false;
    std::string_view first = line.substr(0, space);
    return first.find('-') != std::string_view::npos && first.find(':') == std::string_view::npos;
}

std::string_view next_word(std::string_view& rest) {
    size_t begin = rest.find_first_not_of(' ');
    if (begin == std::string_view::npos) return rest = {};
    rest.remove_prefix(begin);
    size_t end = std::min(rest.find(' '), rest.size());
    std::string_view word = rest.substr(0, end);
    rest.remove_prefix(end);
    return word;
}

Result<Mapping> parse_heading(std::string_view line) {
    Mapping mapping;
    std::string_view rest = line;
    auto [start, end] = cut(next_word(rest), '-');
    mapping.start = TRY(parse_number<uint64_t>(start, 16));
    mapping.end = TRY(parse_number<uint64_t>(end, 16));
    if (mapping.start >= mapping.end) return fail(EBADMSG, "a mapping ends before it starts");
    std::string_view rights = next_word(rest);
    if (rights.size() != 4) return fail(EBADMSG, "a mapping without rights");
    if (rights[0] == 'r') mapping.prot |= PROT_READ;
    if (rights[1] == 'w') mapping.prot |= PROT_WRITE;
    if (rights[2] == 'x') mapping.prot |= PROT_EXEC;
    mapping.shared = rights[3] == 's';
    mapping.offset = TRY(parse_number<uint64_t>(next_word(rest), 16));
    auto [device_major, device_minor] = cut(next_word(rest), ':');
    mapping.device_major = TRY(parse_number<uint32_t>(device_major, 16));
    mapping.device_minor = TRY(parse_number<uint32_t>(device_minor, 16));
    mapping.inode = TRY(parse_number<uint64_t>(next_word(rest)));
    size_t path = rest.find_first_not_of(' ');
    if (path != std::string_view::npos) mapping.path = std::string(rest.substr(path));
    return mapping;
}

bool same_mapping(Mapping const& a, Mapping const& b) {
    return a.start == b.start && a.end == b.end && a.prot == b.prot && a.shared == b.shared &&
           a.offset == b.offset && a.inode == b.inode && a.path == b.path;
}

} // namespace

bool carry_flags(std::vector<Mapping>& mappings, std::vector<Mapping> const& before) {
    for (auto& mapping : mappings) {
        auto old = std::lower_bound(before.begin(), before.end(), mapping,
            [](auto const& a, auto const& b) { return a.start < b.start; });
        if (old == before.end() || !same_mapping(*old, mapping)) return false;
        mapping.flags = old->flags;
    }
    return true;
}

bool Mapping::has(std::string_view flag) const {
    for (std::string_view word : words(flags))
        if (word == flag) return true;
    return false;
}

void Mapping::drop_flag(std::string_view flag) {
    std::string rest;
    for (std::string_view word : words(flags))
        if (word != flag) rest += (rest.empty() ? "" : " ") + std::string(word);
    flags = std::move(rest);
}

Result<std::vector<Mapping>> parse_maps(std::string_view text) {
    std::vector<Mapping> all;
    for (std::string_view line : lines(text)) {
        if (is_heading(line)) {
            Mapping mapping = TRY(parse_heading(line));
            if (!all.empty() && mapping.start < all.back().end)
                return fail(EBADMSG, "mappings are not in order");
            all.push_back(std::move(mapping));
        } else if (line.starts_with("VmFlags:") && !all.empty()) {
            all.back().flags = std::string(trim(line.substr(8)));
        }
    }
    return all;
}

} // namespace rove::image
