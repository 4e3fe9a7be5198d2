// SPDX-License-Identifier: Apache-2.0
// Vdso: see vdso.hh. Every byte of the image may be hostile.
#include "image/vdso.hh"

#include <elf.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string_view>
#include <vector>

namespace rove::image {

namespace {

constexpr uint64_t image_max = 1 << 20;
constexpr std::string_view ours = "__vdso_"; // other names are second names of the same functions

template <class T> Result<T> get(std::string const& image, uint64_t at) {
    if (at > image.size() || image.size() - at < sizeof(T))
        return fail(EBADMSG, "a vdso that ends too early");
    T value;
    std::memcpy(&value, image.data() + at, sizeof value);
    return value;
}

Result<std::string_view> name_at(std::string const& image, uint64_t at) {
    if (at >= image.size()) return fail(EBADMSG, "a vdso with a name outside of it");
    std::string_view rest = std::string_view(image).substr(at);
    size_t end = rest.find('\0');
    if (end == rest.npos) return fail(EBADMSG, "a vdso with a name without an end");
    return rest.substr(0, end);
}

// mov $number, %eax; syscall; ret
std::string call_of(uint32_t number) {
    std::string code = "\xb8";
    code.append(reinterpret_cast<char const*>(&number), sizeof number);
    return code + "\x0f\x05\xc3";
}

// Asked with a state's length of ~0 what state it wants, it says that it does not exist; with a
// state that was made at home it takes its bytes from the kernel.
std::string getrandom_code() {
    constexpr char absent[] = "\x48\xc7\xc0\xda\xff\xff\xff\xc3"; // mov $-ENOSYS, %rax; ret
    std::string call = call_of(SYS_getrandom);
    std::string code = "\x49\x83\xf8\xff\x74"; // cmp $-1, %r8; je past the call
    code += static_cast<char>(call.size());
    return code + call + absent;
}

std::map<std::string_view, std::string> const& known_functions() {
    static std::map<std::string_view, std::string> const known{
        {"clock_gettime", call_of(SYS_clock_gettime)}, {"gettimeofday", call_of(SYS_gettimeofday)},
        {"clock_getres", call_of(SYS_clock_getres)}, {"time", call_of(SYS_time)},
        {"getcpu", call_of(SYS_getcpu)}, {"getrandom", getrandom_code()},
        // Enters an enclave: needs memory that no guest has, and a program that has some stays at
        // home.
        {"sgx_enter_enclave", ""}};
    return known;
}

struct Dynamic {
    uint64_t names = 0, symbols = 0;
};

Result<Dynamic> find_dynamic(std::string const& image) {
    auto header = TRY(get<Elf64_Ehdr>(image, 0));
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_machine != EM_X86_64)
        return fail(EBADMSG, "not a vdso of this architecture");
    Dynamic dynamic;
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        auto segment = TRY(get<Elf64_Phdr>(image, header.e_phoff + i * sizeof(Elf64_Phdr)));
        if (segment.p_type != PT_DYNAMIC) continue;
        for (uint64_t at = segment.p_offset;; at += sizeof(Elf64_Dyn)) {
            auto entry = TRY(get<Elf64_Dyn>(image, at));
            if (entry.d_tag == DT_NULL) break;
            if (entry.d_tag == DT_STRTAB) dynamic.names = entry.d_un.d_ptr;
            if (entry.d_tag == DT_SYMTAB) dynamic.symbols = entry.d_un.d_ptr;
        }
    }
    // The kernel's linker script puts the names behind the symbols, so their number is known.
    if (dynamic.symbols == 0 || dynamic.names <= dynamic.symbols)
        return fail(EBADMSG, "a vdso without symbols");
    return dynamic;
}

} // namespace

Result<std::string> vdso_of_calls(std::string image) {
    if (image.size() > image_max) return fail(EBADMSG, "a vdso of {} bytes", image.size());
    Dynamic dynamic = TRY(find_dynamic(image));
    struct Change {
        uint64_t at;
        std::string const* code;
    };
    std::vector<Change> changes; // made at the end: names are read from the image meanwhile
    for (uint64_t at = dynamic.symbols; at + sizeof(Elf64_Sym) <= dynamic.names;
         at += sizeof(Elf64_Sym)) {
        auto symbol = TRY(get<Elf64_Sym>(image, at));
        if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC) continue;
        auto name = TRY(name_at(image, dynamic.names + symbol.st_name));
        if (!name.starts_with(ours)) continue;
        auto known = known_functions().find(name.substr(ours.size()));
        if (known == known_functions().end())
            return fail(ENOTSUP, "the vdso's function {} is not known", name);
        std::string const& code = known->second;
        if (code.size() > symbol.st_size || symbol.st_value > image.size() ||
            image.size() - symbol.st_value < code.size())
            return fail(EBADMSG, "the vdso's function {} is too short", name);
        changes.push_back({symbol.st_value, &code});
    }
    if (changes.empty()) return fail(EBADMSG, "a vdso without functions");
    for (Change const& change : changes)
        image.replace(change.at, change.code->size(), *change.code);
    return image;
}

} // namespace rove::image
