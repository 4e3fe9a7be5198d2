// SPDX-License-Identifier: Apache-2.0
// Tests of AES-GCM against its definition, written down bit by bit, which is tested by NIST's
// examples; and of what only this implementation promises: overlap, registers, no byte too many.
// src/net/aes_gcm_oracle_test.cc compares it with OpenSSL's.
#include "seal/aes_gcm.hh"

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <string>

#include <sys/mman.h>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace rove::seal {
namespace {

using Bytes = std::basic_string<uint8_t>;

Bytes hex(std::string_view text) {
    Bytes bytes;
    for (size_t i = 0; i + 1 < text.size(); i += 2)
        bytes.push_back(
            static_cast<uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
    return bytes;
}

Bytes random_bytes(std::mt19937_64& random, size_t n) {
    Bytes bytes(n, 0);
    std::generate(bytes.begin(), bytes.end(), [&] { return static_cast<uint8_t>(random()); });
    return bytes;
}

Key key_of(Bytes const& secret) {
    Key key{};
    if (is_available()) expand(key, secret.data()); // fixtures are made before they can skip
    return key;
}

// SP 800-38D, for any additional data and any nonce of 96 bits.
struct Definition {
    Key key;
    explicit Definition(Bytes const& secret) : key(key_of(secret)) {}

    struct Sealed {
        Bytes text, tag;
        bool operator==(Sealed const&) const = default;
    };

    Bytes encrypted(Bytes const& block) const {
        Bytes result(16, 0);
        encrypt_block(key, block.data(), result.data());
        return result;
    }
    static Bytes product(Bytes const& x, Bytes v) {
        Bytes z(16, 0);
        for (size_t i = 0; i < 128; ++i) {
            if (x[i / 8] >> (7 - i % 8) & 1)
                for (size_t j = 0; j < 16; ++j)
                    z[j] ^= v[j];
            bool const low = v[15] & 1;
            for (size_t j = 15; j > 0; --j)
                v[j] = static_cast<uint8_t>(v[j] >> 1 | v[j - 1] << 7);
            v[0] >>= 1;
            if (low) v[0] ^= 0xe1;
        }
        return z;
    }
    static void pad(Bytes& bytes) { bytes.resize((bytes.size() + 15) / 16 * 16, 0); }

    Sealed seal(Bytes const& nonce, Bytes const& additional, Bytes text) const {
        auto counter = [&](uint64_t n) {
            Bytes block = nonce;
            for (int shift = 24; shift >= 0; shift -= 8)
                block.push_back(static_cast<uint8_t>(n >> shift));
            return block;
        };
        for (size_t i = 0; i < text.size(); ++i)
            if (i % 16 == 0) {
                Bytes const stream = encrypted(counter(2 + i / 16));
                for (size_t j = i; j < std::min(i + 16, text.size()); ++j)
                    text[j] ^= stream[j - i];
            }
        Bytes hashed = additional;
        pad(hashed);
        hashed += text;
        pad(hashed);
        for (uint64_t bits : {additional.size() * 8, text.size() * 8})
            for (int shift = 56; shift >= 0; shift -= 8)
                hashed.push_back(static_cast<uint8_t>(bits >> shift));
        Bytes const hash_key = encrypted(Bytes(16, 0));
        Bytes tag(16, 0);
        for (size_t i = 0; i < hashed.size(); i += 16) {
            for (size_t j = 0; j < 16; ++j)
                tag[j] ^= hashed[i + j];
            tag = product(tag, hash_key);
        }
        Bytes const mask = encrypted(counter(1));
        for (size_t j = 0; j < 16; ++j)
            tag[j] ^= mask[j];
        return {text, tag};
    }
    Sealed seal(uint64_t number, uint32_t head, Bytes const& text) const {
        Bytes nonce(4, 0), additional;
        for (int shift = 56; shift >= 0; shift -= 8)
            nonce.push_back(static_cast<uint8_t>(number >> shift));
        for (int shift = 0; shift < 32; shift += 8)
            additional.push_back(static_cast<uint8_t>(head >> shift));
        return seal(nonce, additional, text);
    }
};

Definition::Sealed sealed(Key const& key, uint64_t number, uint32_t head, Bytes const& text) {
    Definition::Sealed result{Bytes(text.size(), 0), Bytes(tag_size, 0)};
    seal(key, number, head, text.data(), result.text.data(), text.size(), result.tag.data());
    return result;
}

struct AesGcm : testing::Test {
    std::mt19937_64 random{7};
    Bytes const secret = hex("feffe9928665731c6d6a8f9467308308");
    Key const key = key_of(secret);
    Definition const definition{secret};

    void SetUp() override {
        if (!is_available()) GTEST_SKIP() << "no AES-NI or no PCLMULQDQ";
    }
    bool opens(uint64_t number, uint32_t head, Definition::Sealed const& from, Bytes& to) const {
        to.assign(from.text.size(), 0xaa);
        return open(
            key, number, head, from.text.data(), to.data(), from.text.size(), from.tag.data());
    }
};

TEST_F(AesGcm, a_block_is_as_in_FIPS_197) {
    Key const example = key_of(hex("000102030405060708090a0b0c0d0e0f"));
    Bytes block = hex("00112233445566778899aabbccddeeff");
    encrypt_block(example, block.data(), block.data());
    EXPECT_EQ(block, hex("69c4e0d86a7b0430d8cdb78070b4c55a"));
    Key const other = key_of(hex("2b7e151628aed2a6abf7158809cf4f3c"));
    EXPECT_EQ(Bytes(other.rounds[10], 16), hex("d014f9a8c9ee2589e13f0cc8b6630ca6"));
}

TEST_F(AesGcm, its_definition_is_as_in_the_examples) {
    using Sealed = Definition::Sealed;
    Definition const zero{Bytes(16, 0)};
    EXPECT_EQ(
        zero.seal(Bytes(12, 0), {}, {}), (Sealed{{}, hex("58e2fccefa7e3061367f1d57a4e7455a")}));
    EXPECT_EQ(zero.seal(Bytes(12, 0), {}, Bytes(16, 0)),
        (Sealed{hex("0388dace60b6a392f328c2b971b2fe78"), hex("ab6e47d42cec13bdf53a67b21257bddf")}));
    Bytes const nonce = hex("cafebabefacedbaddecaf888");
    Bytes const text = hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
                           "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255");
    Bytes const there = hex("42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
                            "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985");
    EXPECT_EQ(
        definition.seal(nonce, {}, text), (Sealed{there, hex("4d5c2af327cd64a62cf35abd2ba6fab4")}));
    EXPECT_EQ(
        definition.seal(nonce, hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"), text.substr(0, 60)),
        (Sealed{there.substr(0, 60), hex("5bc94fbc3221a5db94fae95ae7121a47")}));
}

TEST_F(AesGcm, every_length_is_sealed_and_opened) {
    for (size_t n = 0; n <= 600; ++n) {
        Bytes const text = random_bytes(random, n);
        uint64_t const number = random();
        auto const head = static_cast<uint32_t>(random());
        auto const made = sealed(key, number, head, text);
        ASSERT_EQ(made, definition.seal(number, head, text)) << n;
        Bytes opened;
        ASSERT_TRUE(opens(number, head, made, opened)) << n;
        ASSERT_EQ(opened, text) << n;
    }
}

TEST_F(AesGcm, any_key_number_and_head) {
    EXPECT_TRUE(rc::check([&](uint64_t number, uint32_t head, uint64_t seed) {
        std::mt19937_64 own(seed);
        Bytes const other = random_bytes(own, 16);
        Bytes const text = random_bytes(own, own() % 2000);
        RC_ASSERT(sealed(key_of(other), number, head, text) ==
                  Definition{other}.seal(number, head, text));
    }));
}

TEST_F(AesGcm, the_longest) {
    Bytes const text = random_bytes(random, 65536);
    EXPECT_EQ(sealed(key, ~uint64_t{0}, 1, text), definition.seal(~uint64_t{0}, 1, text));
}

TEST_F(AesGcm, every_changed_bit_is_noticed) {
    for (size_t n : {1, 15, 16, 17, 64, 111, 112, 113, 127, 128, 129, 144, 255, 256, 384, 400}) {
        Bytes const text = random_bytes(random, n);
        auto good = sealed(key, 5, 0x11223344, text);
        Bytes opened;
        for (Bytes* part : {&good.text, &good.tag})
            for (auto& byte : *part)
                for (uint8_t bit = 1; bit != 0; bit = static_cast<uint8_t>(bit << 1)) {
                    byte ^= bit;
                    ASSERT_FALSE(opens(5, 0x11223344, good, opened));
                    ASSERT_EQ(opened, Bytes(n, 0)) << "what is not opened is not shown";
                    byte ^= bit;
                }
        for (int bit = 0; bit < 64; ++bit)
            EXPECT_FALSE(opens(5 ^ uint64_t{1} << bit, 0x11223344, good, opened));
        for (int bit = 0; bit < 32; ++bit)
            EXPECT_FALSE(opens(5, 0x11223344 ^ uint32_t{1} << bit, good, opened));
        EXPECT_TRUE(opens(5, 0x11223344, good, opened));
        good.text.push_back(0);
        EXPECT_FALSE(opens(5, 0x11223344, good, opened)) << "a zero more";
    }
}

TEST_F(AesGcm, opens_to_where_it_lies_and_before) {
    for (size_t n : {0, 1, 16, 33, 127, 128, 250, 256, 600, 1031}) {
        Bytes const text = random_bytes(random, n);
        auto const good = sealed(key, 9, 1, text);
        for (size_t distance = 0; distance < 300; ++distance) {
            Bytes memory = Bytes(distance + 16, 0x55) + good.text + Bytes(16, 0x66);
            Bytes expected = memory;
            expected.replace(16, n, text);
            uint8_t* to = memory.data() + 16;
            ASSERT_TRUE(open(key, 9, 1, to + distance, to, n, good.tag.data()));
            ASSERT_EQ(memory, expected) << n << " to " << distance << " before";
        }
        Bytes memory = text;
        Bytes tag(tag_size, 0);
        seal(key, 9, 1, memory.data(), memory.data(), n, tag.data());
        EXPECT_EQ((Definition::Sealed{memory, tag}), good);
    }
}

// Ends at a page that is not there.
struct Cliff {
    static constexpr size_t page = 4096;
    void* const pages =
        mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint8_t* const edge = static_cast<uint8_t*>(pages) + page;
    Cliff() { EXPECT_EQ(mprotect(edge, page, PROT_NONE), 0); }
    ~Cliff() { munmap(pages, 2 * page); }
    Cliff(Cliff const&) = delete;
    Cliff& operator=(Cliff const&) = delete;
};

TEST_F(AesGcm, touches_no_byte_too_many) {
    Cliff from, to, tag;
    for (size_t n = 0; n <= 300; ++n) {
        Bytes const text = random_bytes(random, n);
        std::copy(text.begin(), text.end(), from.edge - n);
        uint8_t* const before = to.edge - n - 1;
        *before = 0x77;
        seal(key, n, 2, from.edge - n, to.edge - n, n, tag.edge - tag_size);
        ASSERT_EQ((Definition::Sealed{Bytes(to.edge - n, n), Bytes(tag.edge - tag_size, tag_size)}),
            definition.seal(n, 2, text));
        std::copy(to.edge - n, to.edge, from.edge - n);
        ASSERT_TRUE(open(key, n, 2, from.edge - n, to.edge - n, n, tag.edge - tag_size));
        ASSERT_EQ(Bytes(to.edge - n, n), text);
        ASSERT_EQ(*before, 0x77);
    }
}

// The registers' whole width if the processor has AVX: what is above 128 bits is to be left alone.
struct Registers {
    uint8_t bytes[16][32];
};

// clang-format off
#define EACH_REGISTER(what) ".irp i, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\t" what "\n\t.endr\n\t"
// rax: how far the stack pointer is from where the calling convention wants it, then the result.
#define CALL_WITH(load, store)                                                                     \
    asm volatile("mov %%rsp, %%rbx\n\t"                                                            \
                 "sub $512, %%rsp\n\t"                                                             \
                 "and $-64, %%rsp\n\t"                                                             \
                 "sub %%rax, %%rsp\n\t"                                                            \
                 "mov 48(%%r15), %%rax\n\t"                                                        \
                 "mov %%rax, (%%rsp)\n\t"                                                          \
                 EACH_REGISTER(load)                                                               \
                 "mov 0(%%r15), %%rdi\n\t"                                                         \
                 "mov 8(%%r15), %%rsi\n\t"                                                         \
                 "mov 16(%%r15), %%rdx\n\t"                                                        \
                 "mov 24(%%r15), %%rcx\n\t"                                                        \
                 "mov 32(%%r15), %%r8\n\t"                                                         \
                 "mov 40(%%r15), %%r9\n\t"                                                         \
                 "call *%%r12\n\t"                                                                 \
                 EACH_REGISTER(store)                                                              \
                 "mov %%rbx, %%rsp\n\t"                                                            \
                 : "+a"(result)                                                                    \
                 : "r"(r12), "r"(r13), "r"(r14), "r"(r15)                                          \
                 : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc",    \
                   "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", \
                   "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15")
// clang-format on

template <class... Arguments>
uint64_t call(
    void const* function, uint64_t skew, Registers const& from, Registers& to, Arguments... given) {
    uint64_t const all[7] = {uint64_t(given)...};
    register void const* r12 asm("r12") = function;
    register void const* r13 asm("r13") = &from;
    register void const* r14 asm("r14") = &to;
    register void const* r15 asm("r15") = all;
    uint64_t result = skew;
    if (__builtin_cpu_supports("avx"))
        CALL_WITH("vmovups 32*\\i(%%r13), %%ymm\\i", "vmovups %%ymm\\i, 32*\\i(%%r14)");
    else
        CALL_WITH("movups 32*\\i(%%r13), %%xmm\\i", "movups %%xmm\\i, 32*\\i(%%r14)");
    return result;
}

TEST_F(AesGcm, keeps_every_vector_register_on_any_stack) {
    Registers before, after;
    Bytes const pattern = random_bytes(random, sizeof before);
    std::memcpy(&before, pattern.data(), sizeof before);
    for (uint64_t skew = 0; skew < 64; skew += 8) {
        auto expect_kept = [&](char const* what) {
            // Without AVX the upper halves have not been filled.
            for (size_t i = 0; i < 16; ++i)
                EXPECT_EQ(Bytes(after.bytes[i], __builtin_cpu_supports("avx") ? 32 : 16),
                    Bytes(before.bytes[i], __builtin_cpu_supports("avx") ? 32 : 16))
                    << what << ", register " << i;
            after = {};
        };
        auto at = [](void const* bytes) { return reinterpret_cast<uintptr_t>(bytes); };
        auto of = [](auto* function) { return reinterpret_cast<void const*>(function); };
        EXPECT_EQ(call(of(is_available), skew, before, after) & 0xff, 1U);
        expect_kept("is_available");
        Key made;
        call(of(expand), skew, before, after, at(&made), at(secret.data()));
        expect_kept("expand");
        EXPECT_EQ(std::memcmp(&made, &key, sizeof key), 0);
        uint8_t block[16] = {};
        call(of(encrypt_block), skew, before, after, at(&made), at(block), at(block));
        expect_kept("encrypt_block");
        for (size_t n : {0, 1, 64, 127, 128, 1000}) {
            Bytes memory = random_bytes(random, n), tag(tag_size, 0);
            Bytes const text = memory;
            call(of(seal::seal), skew, before, after, at(&key), 1, 2, at(memory.data()),
                at(memory.data()), n, at(tag.data()));
            expect_kept("seal");
            EXPECT_EQ((Definition::Sealed{memory, tag}), definition.seal(1, 2, text));
            for (uint64_t good : {1, 0}) {
                EXPECT_EQ(call(of(seal::open), skew, before, after, at(&key), 1, 2,
                              at(memory.data()), at(memory.data()), n, at(tag.data())) &
                              0xff,
                    good);
                expect_kept("open");
                EXPECT_EQ(memory, good ? text : Bytes(n, 0));
                tag[3] ^= 1;
            }
        }
    }
}

} // namespace
} // namespace rove::seal
