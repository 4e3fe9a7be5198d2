// SPDX-License-Identifier: Apache-2.0
// Proc path: see proc_path.hh.
#include "syscalls/proc_path.hh"

namespace rove::syscalls {

namespace {

struct Text {
    char const* at;
    size_t length;

    bool is(char const* word) const {
        size_t n = 0;
        while (word[n] != 0)
            ++n;
        return n == length && __builtin_memcmp(at, word, n) == 0;
    }
    /// The number that it is, or -1.
    int64_t number() const {
        if (length == 0 || length > 9) return -1;
        int64_t value = 0;
        for (size_t i = 0; i < length; ++i) {
            if (at[i] < '0' || at[i] > '9') return -1;
            value = value * 10 + (at[i] - '0');
        }
        return value;
    }
    /// The first component, which is taken off.
    Text take() {
        while (length > 0 && *at == '/')
            ++at, --length;
        Text part{at, 0};
        while (part.length < length && at[part.length] != '/')
            ++part.length;
        at += part.length;
        length -= part.length;
        return part;
    }
};

Text until_zero(char const* path, size_t length) {
    size_t n = 0;
    while (n < length && path[n] != 0)
        ++n;
    return {path, n};
}

bool shows_memory(Text name) {
    // In bytes one after the other: an array of pointers would need relocations.
    return name.is("maps") || name.is("mem") || name.is("smaps") || name.is("smaps_rollup") ||
           name.is("numa_maps") || name.is("pagemap") || name.is("map_files") ||
           name.is("clear_refs");
}
bool tells_count(Text name) {
    return name.is("status") || name.is("stat");
}

/// What follows the process's directory.
ProcPath classify_rest(Text rest, int32_t* number) {
    Text name = rest.take();
    if (name.is("task")) {
        if (rest.take().number() < 0) return ProcPath::other;
        name = rest.take();
    }
    if (shows_memory(name)) return ProcPath::memory;
    if (tells_count(name)) return ProcPath::counts;
    if (name.is("fd") || name.is("fdinfo")) {
        int64_t n = rest.take().number();
        if (n < 0) return ProcPath::other;
        *number = static_cast<int32_t>(n);
        return ProcPath::descriptor;
    }
    return ProcPath::other;
}

bool digit(char c) {
    return c >= '0' && c <= '9';
}

/// The number in text[begin, …) less one; how many digits it has lost.
size_t decrease(char* text, size_t& length, size_t begin) {
    size_t end = begin;
    while (end < length && digit(text[end]))
        ++end;
    if (end == begin || end == length) return 0; // none, or it may go on
    size_t k = end;
    while (k > begin && text[k - 1] == '0')
        text[--k] = '9';
    if (k == begin) return 0; // it was nothing but zeros
    --text[k - 1];
    if (text[begin] != '0' || end - begin == 1) return 0;
    __builtin_memmove(text + begin, text + begin + 1, length - begin - 1);
    --length;
    return 1;
}

} // namespace

ProcPath classify_proc_path(char const* path, size_t length, int32_t pid, int32_t* number) {
    if (length < 5 || path[0] != '/') return ProcPath::other;
    Text rest = until_zero(path, length);
    Text top = rest.take();
    if (top.is("dev")) {
        if (!rest.take().is("fd")) return ProcPath::other;
        int64_t n = rest.take().number();
        if (n < 0) return ProcPath::other;
        *number = static_cast<int32_t>(n);
        return ProcPath::descriptor;
    }
    if (!top.is("proc")) return ProcPath::other;
    Text who = rest.take();
    if (!who.is("self") && !who.is("thread-self") && who.number() != pid) return ProcPath::other;
    return classify_rest(rest, number);
}

bool may_be_proc_path(char const* path, size_t length) {
    Text rest = until_zero(path, length), last = rest.take();
    while (rest.length > 0) {
        Text next = rest.take();
        if (next.length > 0) last = next;
    }
    return shows_memory(last) || tells_count(last);
}

size_t count_one_less(char* text, size_t length) {
    constexpr char key[] = "\nThreads:\t";
    constexpr size_t key_length = sizeof key - 1;
    if (length == 0) return length;
    if (!digit(text[0])) { // status
        for (size_t i = 0; i + key_length < length; ++i) {
            if (text[i] != '\n' || __builtin_memcmp(text + i, key, key_length) != 0) continue;
            decrease(text, length, i + key_length);
            break;
        }
        return length;
    }
    // stat: PID (name) state …; the 20th field, counted behind the name, which may hold anything
    size_t at = length;
    while (at > 0 && text[at - 1] != ')')
        --at;
    if (at == 0) return length;
    for (int field = 2; field < 20; ++field) {
        while (at < length && text[at] != ' ')
            ++at;
        if (at == length) return length;
        ++at;
    }
    decrease(text, length, at);
    return length;
}

} // namespace rove::syscalls
