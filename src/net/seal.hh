// SPDX-License-Identifier: Apache-2.0
// Seal: datagrams that only nodes of the cluster can write and read, each of them once.
//
//   clear:  'R' 'G', version, 0, salt of the sender (12 bytes), counter (8 bytes)
//   sealed: AES-256-GCM of the plain text, and its tag (16 bytes); the clear part is authenticated
//
// The key of a sender is derived from the cluster's key and a salt that it draws when it starts,
// so a nonce is a plain counter and never comes twice under one key. A receiver keeps for each
// sender which of the last counters have come.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hh"

extern "C" struct evp_cipher_ctx_st; // EVP_CIPHER_CTX

namespace rove::net {

constexpr uint8_t seal_version = 1;
constexpr size_t seal_clear_bytes = 24, seal_tag_bytes = 16;
constexpr size_t seal_bytes = seal_clear_bytes + seal_tag_bytes;

using SealSalt = std::array<char, 12>;

// A cipher that has been given its key. That is kept: preparing a key takes longer than sealing.
struct FreeCipher {
    void operator()(evp_cipher_ctx_st* context) const;
};
using Cipher = std::unique_ptr<evp_cipher_ctx_st, FreeCipher>;

class Sealer {
public:
    // `key` is 32 bytes, see derive().
    static Result<Sealer> create(std::string const& key);
    Result<std::string> seal(std::string_view plain);

private:
    Cipher cipher_; // with this sender's key
    SealSalt salt_{};
    uint64_t counter_ = 0;
};

// Why a datagram was not opened.
enum class SealFault : uint8_t {
    none,
    no_datagram,   // too short, or not ours at all
    other_version, // of the seal
    forged,        // another key, or changed on its way
    replayed,      // it has come before, or is too old to tell
};

// Which of the counters up to the highest seen have come; the last 128 can be told.
class ReplayWindow {
public:
    // False if it has come, or is too old. Otherwise it counts as having come.
    bool take(uint64_t counter);

private:
    uint64_t last_ = 0;
    uint64_t seen_[2] = {}; // bit i: last_ - i
};

class Opener {
public:
    explicit Opener(std::string key) : key_(std::move(key)) {}
    struct Opened {
        SealFault fault = SealFault::none;
        std::string plain;
    };
    Opened open(std::string_view datagram);

private:
    struct Sender {
        SealSalt salt;
        Cipher cipher;
        ReplayWindow window;
    };
    std::string key_;
    std::list<Sender> senders_; // who was heard last is first
    std::map<SealSalt, std::list<Sender>::iterator> by_salt_;
};

} // namespace rove::net
