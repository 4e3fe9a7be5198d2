// SPDX-License-Identifier: Apache-2.0
// Extended state: packing and unpacking it.
#include "image/extended.hh"

#include <algorithm>
#include <cstring>

#include <cpuid.h>

#include "base/check.hh"

namespace rove::image {

namespace {

constexpr uint64_t header_offset = 512; // XSTATE_BV, XCOMP_BV, reserved
constexpr uint64_t legacy_size = 576;   // with the header
constexpr uint64_t amx_data = 1ull << 18;

// Their sizes are those of the registers. Others are refused while they are in use.
struct Component {
    unsigned number;
    uint32_t size;
};
constexpr Component components[] = {{2, 256}, {5, 64}, {6, 512}, {7, 1024}, {9, 8}};
constexpr uint64_t known = 0b11 | 1 << 2 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 9;

// Protection keys: unlike all others, Linux does not start programs with them as the processor
// does. A program that has not changed them does not need them, and gets them where there are some.
constexpr unsigned keys = 9;
constexpr uint64_t first_keys = 0x55555554;

uint64_t in_use(ByteView area) {
    uint64_t bits = 0;
    std::memcpy(&bits, area.data() + header_offset, sizeof bits);
    return bits;
}

} // namespace

bool has_xsave() {
    constexpr unsigned osxsave = 1u << 27; // of leaf 1: without it, xgetbv is no instruction
    unsigned a = 0, b = 0, c = 0, d = 0;
    return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & osxsave) != 0;
}

XsaveFormat machine_format() {
    CHECK(has_xsave());
    XsaveFormat format;
    unsigned low = 0, high = 0;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    // Without permission for AMX the kernel's frames end before its data.
    format.features = ((uint64_t{high} << 32) | low) & ~amx_data;
    format.size = legacy_size;
    for (unsigned i = 2; i < 63; ++i) {
        if ((format.features >> i & 1) == 0) continue;
        unsigned size = 0, offset = 0, c = 0, d = 0;
        __cpuid_count(0xd, i, size, offset, c, d);
        format.size = std::max<uint64_t>(format.size, offset + size);
        if (i < components_end) format.offsets[i] = offset;
    }
    return format;
}

std::vector<uint32_t> component_offsets() {
    auto format = machine_format();
    return {format.offsets.begin(), format.offsets.end()};
}

Status check_area(ByteView area, XsaveFormat const& format) {
    if (area.size() < format.size || area.size() < legacy_size)
        return fail(ENOTSUP, "an XSAVE area of {} bytes", area.size());
    uint64_t bits = in_use(area);
    if ((bits & ~format.features) != 0) return fail(ENOTSUP, "CPU state {:#x} is in use", bits);
    return {};
}

Result<std::string> pack_area(ByteView area, XsaveFormat const& format) {
    TRY(check_area(area, format));
    uint64_t bits = in_use(area);
    if ((bits & ~known) != 0) return deny(ENOTSUP, "it uses CPU state {:#x}", bits & ~known);
    std::string packed(as_text(area.first(legacy_size)));
    for (auto const& [number, size] : components) {
        uint64_t bit = 1ull << number;
        std::string value(size, '\0');
        if ((bits & bit) != 0)
            value = as_text(area.subspan(format.offsets[number], size));
        else if (number != keys || (format.features & bit) == 0)
            continue;
        if (number == keys && std::memcmp(value.data(), &first_keys, size) == 0) {
            bits &= ~bit;
            continue;
        }
        bits |= bit;
        packed += value;
    }
    std::memcpy(packed.data() + header_offset, &bits, sizeof bits);
    return packed;
}

Result<std::string> unpack_area(ByteView packed, XsaveFormat const& format) {
    if (packed.size() < legacy_size)
        return fail(EBADMSG, "packed registers of {} bytes", packed.size());
    uint64_t bits = in_use(packed);
    if ((bits & ~known) != 0) return fail(EBADMSG, "CPU state {:#x}", bits);
    if (uint64_t missing = bits & ~format.features)
        return deny(ENOTSUP, "it uses CPU state {:#x}, which this CPU lacks", missing);
    std::string area(as_text(packed.first(legacy_size)));
    area.resize(format.size);
    uint64_t from = legacy_size, there = bits;
    for (auto const& [number, size] : components) {
        uint64_t bit = 1ull << number;
        char* to = area.data() + format.offsets[number];
        if ((bits & bit) != 0) {
            if (packed.size() - from < size) return fail(EBADMSG, "packed registers end early");
            std::memcpy(to, packed.data() + from, size);
            from += size;
        } else if (number == keys && (format.features & bit) != 0) {
            std::memcpy(to, &first_keys, size);
            there |= bit;
        }
    }
    if (from != packed.size()) return fail(EBADMSG, "packed registers with something behind");
    std::memcpy(area.data() + header_offset, &there, sizeof there);
    return area;
}

} // namespace rove::image
