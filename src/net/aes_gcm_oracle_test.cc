// SPDX-License-Identifier: Apache-2.0
// The runtime's AES-GCM against OpenSSL's; here, since no other folder sees OpenSSL.
#include <array>
#include <memory>
#include <random>
#include <string>

#include <openssl/evp.h>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "seal/aes_gcm.hh"

namespace rove::net {
namespace {

using Bytes = std::basic_string<unsigned char>;
struct Sealed {
    Bytes text, tag;
    bool operator==(Sealed const&) const = default;
};

// OpenSSL's answer, with the nonce and the additional data of seal/.
Sealed by_openssl(Bytes const& secret, uint64_t number, uint32_t head, Bytes const& text) {
    std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> cipher(
        EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
    std::array<unsigned char, 12> nonce{};
    for (size_t i = 0; i < 8; ++i)
        nonce[4 + i] = static_cast<unsigned char>(number >> (56 - 8 * i));
    std::array<unsigned char, 4> additional{};
    for (size_t i = 0; i < 4; ++i)
        additional[i] = static_cast<unsigned char>(head >> 8 * i);
    Sealed sealed{Bytes(text.size(), 0), Bytes(16, 0)};
    unsigned char rest[16];
    int length = 0;
    bool good = EVP_EncryptInit_ex(
                    cipher.get(), EVP_aes_128_gcm(), nullptr, secret.data(), nonce.data()) == 1 &&
                EVP_EncryptUpdate(cipher.get(), nullptr, &length, additional.data(), 4) == 1;
    if (good && !text.empty())
        good = EVP_EncryptUpdate(cipher.get(), sealed.text.data(), &length, text.data(),
                   static_cast<int>(text.size())) == 1;
    good = good && EVP_EncryptFinal_ex(cipher.get(), rest, &length) == 1 &&
           EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, 16, sealed.tag.data()) == 1;
    EXPECT_TRUE(good) << "OpenSSL does not";
    return sealed;
}

Sealed by_us(seal::Key const& key, uint64_t number, uint32_t head, Bytes const& text) {
    Sealed sealed{Bytes(text.size(), 0), Bytes(16, 0)};
    seal::seal(key, number, head, text.data(), sealed.text.data(), text.size(), sealed.tag.data());
    return sealed;
}

void compare(std::mt19937_64& random, size_t n, uint64_t number, uint32_t head) {
    Bytes secret(16, 0), text(n, 0);
    for (Bytes* bytes : {&secret, &text})
        for (auto& byte : *bytes)
            byte = static_cast<unsigned char>(random());
    seal::Key key;
    seal::expand(key, secret.data());
    Sealed const theirs = by_openssl(secret, number, head, text);
    ASSERT_TRUE(by_us(key, number, head, text) == theirs) << n;
    Bytes opened(n, 0);
    ASSERT_TRUE(
        seal::open(key, number, head, theirs.text.data(), opened.data(), n, theirs.tag.data()));
    ASSERT_TRUE(opened == text) << n;
}

TEST(AesGcmOracle, every_short_length) {
    if (!seal::is_available()) GTEST_SKIP() << "no AES-NI or no PCLMULQDQ";
    std::mt19937_64 random(11);
    for (size_t n = 0; n <= 600; ++n)
        compare(random, n, random(), static_cast<uint32_t>(random()));
    compare(random, 65536, ~uint64_t{0}, ~uint32_t{0});
    compare(random, 65535, 0, 0);
}

TEST(AesGcmOracle, any_length_number_and_head) {
    if (!seal::is_available()) GTEST_SKIP() << "no AES-NI or no PCLMULQDQ";
    EXPECT_TRUE(rc::check([](uint64_t seed, uint64_t number, uint32_t head) {
        std::mt19937_64 random(seed);
        compare(random, random() % 65537, number, head);
        RC_ASSERT(!testing::Test::HasFatalFailure());
    }));
}

} // namespace
} // namespace rove::net
