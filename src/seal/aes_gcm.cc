// SPDX-License-Identifier: Apache-2.0
// AES-GCM: eight blocks of keystream at a time, and eight blocks hashed with one reduction.
//
// The hash is computed as POLYVAL is (RFC 8452, appendix A): blocks with their bytes reversed, the
// hash key times x. Then a product needs neither its bits mirrored nor a shift.
//
// Legacy SSE encodings alone: in the runtime the upper halves of the vector registers are the
// program's, and an instruction with a VEX prefix would clear them.
#include "seal/aes_gcm.hh"

#include <cpuid.h>
#include <immintrin.h>

// Neither the programs nor the runtime are compiled for a processor that surely has these
// instructions, and the runtime for none that has vector registers: functions say it.
#define VECTORS "sse2,ssse3,aes,pclmul"
#define INNER static inline __attribute__((always_inline, target(VECTORS)))
// What does the work; only it may touch a vector register.
#define CORE static __attribute__((noinline, target(VECTORS)))
// What keeps their contents meanwhile.
#ifdef __clang__
#define GENERAL
#else
#define GENERAL __attribute__((target("general-regs-only")))
#endif
// Threads of the runtime begin at C++ functions with a stack pointer that is not as such functions
// expect it. Without vector registers nobody else notices.
#define OUTER GENERAL __attribute__((force_align_arg_pointer))

namespace rove::seal {

namespace {

using Block = __m128i;
// Not an array: names stay in registers at every level of optimisation.
struct Eight {
    Block b0, b1, b2, b3, b4, b5, b6, b7;
};
constexpr uint64_t batch = sizeof(Eight);

// clang-format off
#define EACH(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7)
// clang-format on

INNER Block load(void const* from) {
    return _mm_loadu_si128(static_cast<Block const*>(from));
}
INNER void store(void* to, Block block) {
    _mm_storeu_si128(static_cast<Block*>(to), block);
}
INNER Block reversed(Block block) {
    return _mm_shuffle_epi8(block, _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f));
}

// A product of polynomials, or a sum of them, that is not reduced yet.
struct Product {
    Block low, middle, high;
};

INNER Product nothing() {
    return {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
}
INNER Product multiply(Block a, Block b) {
    return {_mm_clmulepi64_si128(a, b, 0x00),
        _mm_xor_si128(_mm_clmulepi64_si128(a, b, 0x01), _mm_clmulepi64_si128(a, b, 0x10)),
        _mm_clmulepi64_si128(a, b, 0x11)};
}
// Four multiplications instead of Karatsuba's three: those would need the port of the shuffles.
INNER void add_product(Product& sum, Block a, Block b) {
    sum.low = _mm_xor_si128(sum.low, _mm_clmulepi64_si128(a, b, 0x00));
    sum.middle = _mm_xor_si128(sum.middle, _mm_clmulepi64_si128(a, b, 0x01));
    sum.middle = _mm_xor_si128(sum.middle, _mm_clmulepi64_si128(a, b, 0x10));
    sum.high = _mm_xor_si128(sum.high, _mm_clmulepi64_si128(a, b, 0x11));
}
// Modulo x^128 + x^127 + x^126 + x^121 + 1, divided by x^128: 64 bits at a time.
INNER Block reduce(Product const& sum) {
    Block const modulus = _mm_set_epi64x(static_cast<long long>(0xc200000000000000), 0);
    Block low = _mm_xor_si128(sum.low, _mm_slli_si128(sum.middle, 8));
    Block high = _mm_xor_si128(sum.high, _mm_srli_si128(sum.middle, 8));
    low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, modulus, 0x10));
    low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), _mm_clmulepi64_si128(low, modulus, 0x10));
    return _mm_xor_si128(high, low);
}
// times x
INNER Block doubled(Block block) {
    Block const modulus = _mm_set_epi64x(static_cast<long long>(0xc200000000000000), 1);
    Block carries = _mm_srli_epi64(block, 63);
    Block shifted = _mm_or_si128(_mm_slli_epi64(block, 1), _mm_slli_si128(carries, 8));
    Block over = _mm_sub_epi64(_mm_setzero_si128(), _mm_srli_si128(carries, 8)); // low half
    return _mm_xor_si128(shifted, _mm_and_si128(_mm_shuffle_epi32(over, 0x44), modulus));
}

// power(key, 1) is the hash key.
INNER Block power(Key const& key, uint64_t exponent) {
    return _mm_load_si128(reinterpret_cast<Block const*>(key.powers[exponent - 1]));
}
INNER Block round_key(Key const& key, uint64_t round) {
    return _mm_load_si128(reinterpret_cast<Block const*>(key.rounds[round]));
}

INNER Block encrypt(Key const& key, Block block) {
    block = _mm_xor_si128(block, round_key(key, 0));
    for (uint64_t round = 1; round < 10; ++round)
        block = _mm_aesenc_si128(block, round_key(key, round));
    return _mm_aesenclast_si128(block, round_key(key, 10));
}

// Counters are added to as little-endian numbers; their high 96 bits are the nonce.
INNER Block counter_of(uint64_t number, uint32_t block) {
    return _mm_set_epi64x(
        static_cast<long long>(number >> 32), static_cast<long long>(number << 32 | block));
}
INNER Block counter_after(Block counter, int blocks) {
    return _mm_add_epi32(counter, _mm_set_epi32(0, 0, 0, blocks));
}

INNER void first_round(Key const& key, Eight& all) {
    Block const k = round_key(key, 0);
#define DO(i) all.b##i = _mm_xor_si128(reversed(all.b##i), k);
    EACH(DO)
#undef DO
}
INNER void next_round(Key const& key, Eight& all, uint64_t round) {
    Block const k = round_key(key, round);
#define DO(i) all.b##i = _mm_aesenc_si128(all.b##i, k);
    EACH(DO)
#undef DO
}
INNER void last_round(Key const& key, Eight& all) {
    Block const k = round_key(key, 10);
#define DO(i) all.b##i = _mm_aesenclast_si128(all.b##i, k);
    EACH(DO)
#undef DO
}
INNER Eight counters_from(Block counter) {
#define DO(i) counter_after(counter, i),
    return {EACH(DO)};
#undef DO
}

// `all` are counters, and then keystream.
INNER void encrypt(Key const& key, Eight& all) {
    first_round(key, all);
#define DO(i) next_round(key, all, i + 1);
    EACH(DO)
#undef DO
    next_round(key, all, 9);
    last_round(key, all);
}
// The same, and hashes a batch meanwhile: the two use different parts of the processor, and
// written so they overlap also where it cannot look ahead by a whole batch.
INNER void encrypt_and_hash(Key const& key, Eight& all, Block& hash, uint8_t const* hashed) {
    first_round(key, all);
    next_round(key, all, 1);
    Product sum = multiply(reversed(load(hashed + 16)), power(key, 7));
#define STEP(round, i)                                                                             \
    next_round(key, all, round);                                                                   \
    add_product(sum, reversed(load(hashed + 16 * (i))), power(key, 8 - (i)));
    STEP(2, 2)
    STEP(3, 3)
    STEP(4, 4)
    STEP(5, 5)
    STEP(6, 6)
    STEP(7, 7)
#undef STEP
    // Last, since it waits for the batch before.
    next_round(key, all, 8);
    add_product(sum, _mm_xor_si128(hash, reversed(load(hashed))), power(key, 8));
    next_round(key, all, 9);
    hash = reduce(sum);
    last_round(key, all);
}
INNER void hash_batch(Key const& key, Block& hash, uint8_t const* hashed) {
    Product sum = multiply(reversed(load(hashed + 16)), power(key, 7));
    for (uint64_t i = 2; i < 8; ++i)
        add_product(sum, reversed(load(hashed + 16 * i)), power(key, 8 - i));
    add_product(sum, _mm_xor_si128(hash, reversed(load(hashed))), power(key, 8));
    hash = reduce(sum);
}

// All is read before anything is written, which may lie over it.
INNER void apply(Eight const& stream, uint8_t const* from, uint8_t* to) {
#define DO(i) Block const x##i = _mm_xor_si128(stream.b##i, load(from + 16 * (i)));
    EACH(DO)
#undef DO
#define DO(i) store(to + 16 * (i), x##i);
    EACH(DO)
#undef DO
}

template <class Word> INNER uint64_t word_at(uint8_t const* from) {
    Word word;
    __builtin_memcpy(&word, from, sizeof word);
    return word;
}
template <class Word> INNER void put_word(uint8_t* to, uint64_t bits) {
    Word word = static_cast<Word>(bits);
    __builtin_memcpy(to, &word, sizeof word);
}

// n bytes, 1 to 15, and zeros. No byte beyond them is touched: they may be the last of a page.
INNER Block load_part(uint8_t const* from, uint64_t n) {
    uint64_t low = 0, high = 0;
    if (n >= 8) {
        low = word_at<uint64_t>(from);
        // Of the last 8 bytes, those that are not in `low`.
        if (n > 8) high = word_at<uint64_t>(from + n - 8) >> 8 * (16 - n);
    } else if (n >= 4) {
        low = word_at<uint32_t>(from) | word_at<uint32_t>(from + n - 4) << 8 * (n - 4);
    } else {
        low = from[0] | uint64_t{from[n / 2]} << 8 * (n / 2) | uint64_t{from[n - 1]} << 8 * (n - 1);
    }
    return _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
}
INNER void store_part(uint8_t* to, Block block, uint64_t n) {
    auto low = static_cast<uint64_t>(_mm_cvtsi128_si64(block));
    if (n >= 8) {
        put_word<uint64_t>(to, low);
        to += 8, n -= 8;
        low = static_cast<uint64_t>(_mm_cvtsi128_si64(_mm_srli_si128(block, 8)));
    }
    if (n & 4) put_word<uint32_t>(to, low), to += 4, low >>= 32;
    if (n & 2) put_word<uint16_t>(to, low), to += 2, low >>= 16;
    if (n & 1) put_word<uint8_t>(to, low);
}
INNER Block without_rest(Block block, uint64_t n) {
    Block const order = _mm_set_epi64x(0x0f0e0d0c0b0a0908, 0x0706050403020100);
    return _mm_and_si128(block, _mm_cmplt_epi8(order, _mm_set1_epi8(static_cast<char>(n))));
}

enum class Way { seal, open };

// What seal and open have in common; the tag that belongs to it. The hash is always that of what
// is sealed.
template <Way way>
INNER Block crypt(
    Key const& key, uint64_t number, uint32_t head, uint8_t const* from, uint8_t* to, uint64_t n) {
    auto const bits = static_cast<long long>(n) * 8;
    Block const lengths = _mm_set_epi64x(32, bits);
    Block const first = _mm_set_epi32(static_cast<int>(__builtin_bswap32(head)), 0, 0, 0);
    Block counter = counter_of(number, 2);
    Block hash = _mm_setzero_si128();
    uint64_t const blocks = (n % batch + 15) / 16; // behind the batches, 0 to 8
    Product sum = nothing();                       // of what lies behind the batches
    // The head, the text and the lengths of a short record are hashed with one reduction.
    if (n < batch && blocks <= 6)
        sum = multiply(first, power(key, blocks + 2));
    else
        hash = reduce(multiply(first, power(key, 1)));

    uint8_t const* behind = nullptr; // what is sealed and not yet hashed
    for (; n >= batch; n -= batch, from += batch, to += batch) {
        Eight stream = counters_from(counter);
        counter = counter_after(counter, 8);
        if constexpr (way == Way::open)
            encrypt_and_hash(key, stream, hash, from);
        else if (behind)
            encrypt_and_hash(key, stream, hash, behind);
        else
            encrypt(key, stream);
        apply(stream, from, to);
        if constexpr (way == Way::seal) behind = to;
    }

    // The last batch has the mask of the tag before up to seven blocks.
    Block const mask_counter = counter_of(number, 1);
    alignas(16) uint8_t stream[9][16];
    if (blocks == 0) {
        store(stream[0], encrypt(key, reversed(mask_counter)));
        if (behind) hash_batch(key, hash, behind);
    } else {
        Eight all = counters_from(counter_after(counter, -1));
        all.b0 = mask_counter;
        if (behind)
            encrypt_and_hash(key, all, hash, behind);
        else
            encrypt(key, all);
#define DO(i) store(stream[i], all.b##i);
        EACH(DO)
#undef DO
        if (blocks == 8) store(stream[8], encrypt(key, reversed(counter_after(counter, 7))));
    }

    // With eight blocks there is no power for the lengths, which are hashed by themselves then.
    uint64_t exponent = blocks == 8 ? 8 : blocks + 1;
    for (uint64_t i = 1; n > 0; ++i, --exponent) {
        Block const pad = load(stream[i]);
        Block sealed;
        uint64_t const part = n < 16 ? n : 16;
        if (part == 16) {
            Block const text = load(from);
            Block const result = _mm_xor_si128(text, pad);
            store(to, result);
            sealed = way == Way::seal ? result : text;
        } else {
            Block const text = load_part(from, part);
            Block const result = without_rest(_mm_xor_si128(text, pad), part);
            store_part(to, result, part);
            sealed = way == Way::seal ? result : text;
        }
        add_product(sum, _mm_xor_si128(hash, reversed(sealed)), power(key, exponent));
        hash = _mm_setzero_si128();
        n -= part, from += part, to += part;
    }
    if (exponent == 0) {
        hash = reduce(sum);
        sum = nothing();
    }
    add_product(sum, _mm_xor_si128(hash, lengths), power(key, 1));
    return _mm_xor_si128(reversed(reduce(sum)), load(stream[0]));
}

INNER Block next_key(Block key, Block assist) {
    assist = _mm_shuffle_epi32(assist, 0xff);
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
    return _mm_xor_si128(key, assist);
}

CORE void expand_core(Key& key, uint8_t const* secret) {
    Block k = load(secret);
    store(key.rounds[0], k);
#define ROUND(round, constant)                                                                     \
    k = next_key(k, _mm_aeskeygenassist_si128(k, constant));                                       \
    store(key.rounds[round], k);
    ROUND(1, 0x01)
    ROUND(2, 0x02)
    ROUND(3, 0x04)
    ROUND(4, 0x08)
    ROUND(5, 0x10)
    ROUND(6, 0x20)
    ROUND(7, 0x40)
    ROUND(8, 0x80)
    ROUND(9, 0x1b)
    ROUND(10, 0x36)
#undef ROUND
    Block const hash_key = doubled(reversed(encrypt(key, _mm_setzero_si128())));
    Block last = hash_key;
    store(key.powers[0], last);
    for (uint64_t i = 1; i < 8; ++i) {
        last = reduce(multiply(last, hash_key));
        store(key.powers[i], last);
    }
}
CORE void encrypt_block_core(Key const& key, uint8_t const* from, uint8_t* to) {
    store(to, encrypt(key, load(from)));
}
CORE void seal_core(Key const& key, uint64_t number, uint32_t head, void const* from, void* to,
    uint64_t n, uint8_t* tag) {
    store(tag, crypt<Way::seal>(key, number, head, static_cast<uint8_t const*>(from),
                   static_cast<uint8_t*>(to), n));
}
CORE bool open_core(Key const& key, uint64_t number, uint32_t head, void const* from, void* to,
    uint64_t n, uint8_t const* tag) {
    Block const there = load(tag); // before `to` is written, which may lie over it
    Block const expected = crypt<Way::open>(
        key, number, head, static_cast<uint8_t const*>(from), static_cast<uint8_t*>(to), n);
    return _mm_movemask_epi8(_mm_cmpeq_epi8(there, expected)) == 0xffff;
}

// The vector registers, on the stack.
struct Registers {
    alignas(16) uint8_t bytes[16][16];
};
#define EACH_REGISTER(DO) EACH(DO) DO(8) DO(9) DO(10) DO(11) DO(12) DO(13) DO(14) DO(15)
GENERAL inline __attribute__((always_inline)) void keep(Registers& registers) {
#define DO(i) "movaps %%xmm" #i ", 16*" #i "(%0)\n\t"
    asm volatile(EACH_REGISTER(DO) : : "r"(&registers) : "memory");
#undef DO
}
GENERAL inline __attribute__((always_inline)) void give_back(Registers const& registers) {
#define DO(i) "movaps 16*" #i "(%0), %%xmm" #i "\n\t"
    asm volatile(EACH_REGISTER(DO) : : "r"(&registers) : "memory");
#undef DO
}

} // namespace

GENERAL bool is_available() {
    unsigned a = 0, b = 0, c = 0, d = 0;
    __cpuid(1, a, b, c, d);
    unsigned const needed = bit_AES | bit_PCLMUL | bit_SSSE3;
    return (c & needed) == needed;
}

OUTER void expand(Key& key, uint8_t const secret[secret_size]) {
    Registers registers;
    keep(registers);
    expand_core(key, secret);
    give_back(registers);
}

OUTER void encrypt_block(Key const& key, uint8_t const from[16], uint8_t to[16]) {
    Registers registers;
    keep(registers);
    encrypt_block_core(key, from, to);
    give_back(registers);
}

OUTER void seal(Key const& key, uint64_t number, uint32_t head, void const* from, void* to,
    uint64_t n, uint8_t tag[tag_size]) {
    Registers registers;
    keep(registers);
    seal_core(key, number, head, from, to, n, tag);
    give_back(registers);
}

OUTER bool open(Key const& key, uint64_t number, uint32_t head, void const* from, void* to,
    uint64_t n, uint8_t const tag[tag_size]) {
    Registers registers;
    keep(registers);
    bool const good = open_core(key, number, head, from, to, n, tag);
    give_back(registers);
    // By hand: a library's memset may use registers that are the program's.
    if (!good) asm volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(0) : "memory");
    return good;
}

} // namespace rove::seal
