// SPDX-License-Identifier: Apache-2.0
// Seal: AES-256-GCM over datagrams, and which have come before.
#include "net/seal.hh"

#include <cstring>

#include <openssl/evp.h>

#include "base/check.hh"
#include "net/key.hh"
#include "sys/random.hh"

namespace rove::net {

namespace {

// Who restarts has a new salt, so this is several times the largest cluster. What is forgotten
// could be replayed: it would say what is long known.
constexpr size_t senders_max = 32768;

// Looked up once: OpenSSL's search for it takes longer than sealing does.
EVP_CIPHER const* algorithm() {
    static EVP_CIPHER const* const found = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    return found;
}

unsigned char* bytes(char* text) {
    return reinterpret_cast<unsigned char*>(text);
}
unsigned char const* bytes(char const* text) {
    return reinterpret_cast<unsigned char const*>(text);
}

enum class Direction : int { open = 0, seal = 1 };

// With that sender's key.
Result<Cipher> cipher_of(std::string const& key, SealSalt const& salt, Direction direction) {
    auto own = TRY(derive(ClusterKey{key}, "sender " + std::string(salt.data(), salt.size())));
    Cipher cipher(EVP_CIPHER_CTX_new());
    if (!cipher || !algorithm() ||
        EVP_CipherInit_ex(cipher.get(), algorithm(), nullptr, bytes(own.data()), nullptr,
            static_cast<int>(direction)) != 1)
        return deny(EIO, "cannot prepare a cipher");
    return cipher;
}

struct Clear {
    char magic[2] = {'R', 'G'};
    uint8_t version = seal_version;
    uint8_t reserved = 0;
    SealSalt salt{};
    char counter[8]; // little-endian
};
static_assert(sizeof(Clear) == seal_clear_bytes);

std::array<unsigned char, 12> nonce_of(Clear const& clear) {
    std::array<unsigned char, 12> nonce{};
    std::memcpy(nonce.data() + 4, clear.counter, sizeof clear.counter);
    return nonce;
}

} // namespace

void FreeCipher::operator()(evp_cipher_ctx_st* context) const {
    EVP_CIPHER_CTX_free(context);
}

Result<Sealer> Sealer::create(std::string const& key) {
    CHECK(key.size() == 32);
    Sealer sealer;
    std::string salt = TRY(sys::random_bytes(sealer.salt_.size()));
    std::memcpy(sealer.salt_.data(), salt.data(), salt.size());
    sealer.cipher_ = TRY(cipher_of(key, sealer.salt_, Direction::seal));
    return sealer;
}

Result<std::string> Sealer::seal(std::string_view plain) {
    Clear clear;
    clear.salt = salt_;
    ++counter_;
    std::memcpy(clear.counter, &counter_, sizeof counter_);
    std::string out(seal_bytes + plain.size(), '\0');
    std::memcpy(out.data(), &clear, sizeof clear);
    char* text = out.data() + sizeof clear;
    auto length = static_cast<int>(plain.size());
    int done = 0;
    EVP_CIPHER_CTX* cipher = cipher_.get();
    if (EVP_EncryptInit_ex(cipher, nullptr, nullptr, nullptr, nonce_of(clear).data()) != 1 ||
        EVP_EncryptUpdate(cipher, nullptr, &done, bytes(out.data()), sizeof clear) != 1 ||
        EVP_EncryptUpdate(cipher, bytes(text), &done, bytes(plain.data()), length) != 1 ||
        EVP_EncryptFinal_ex(cipher, bytes(text) + done, &done) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, seal_tag_bytes, text + length) != 1)
        return deny(EIO, "cannot seal a datagram");
    return out;
}

bool ReplayWindow::take(uint64_t counter) {
    if (counter > last_) {
        uint64_t by = counter - last_;
        if (by >= 128) {
            seen_[0] = seen_[1] = 0;
        } else if (by >= 64) {
            seen_[1] = seen_[0] << (by - 64);
            seen_[0] = 0;
        } else {
            seen_[1] = seen_[1] << by | seen_[0] >> (64 - by);
            seen_[0] <<= by;
        }
        seen_[0] |= 1;
        last_ = counter;
        return true;
    }
    uint64_t back = last_ - counter;
    if (back >= 128) return false;
    uint64_t bit = uint64_t{1} << back % 64;
    if ((seen_[back / 64] & bit) != 0) return false;
    seen_[back / 64] |= bit;
    return true;
}

Opener::Opened Opener::open(std::string_view datagram) {
    Clear clear;
    if (datagram.size() < seal_bytes) return {SealFault::no_datagram, {}};
    std::memcpy(&clear, datagram.data(), sizeof clear);
    if (clear.magic[0] != 'R' || clear.magic[1] != 'G') return {SealFault::no_datagram, {}};
    if (clear.version != seal_version) return {SealFault::other_version, {}};
    auto known = by_salt_.find(clear.salt);
    Cipher fresh;
    if (known == by_salt_.end()) {
        auto made = cipher_of(key_, clear.salt, Direction::open);
        if (!made) return {SealFault::forged, {}};
        fresh = std::move(*made);
    }
    EVP_CIPHER_CTX* cipher = fresh ? fresh.get() : known->second->cipher.get();
    std::string_view text = datagram.substr(sizeof clear, datagram.size() - seal_bytes);
    std::string tag(datagram.substr(datagram.size() - seal_tag_bytes));
    std::string plain(text.size(), '\0');
    int done = 0;
    if (EVP_DecryptInit_ex(cipher, nullptr, nullptr, nullptr, nonce_of(clear).data()) != 1 ||
        EVP_DecryptUpdate(cipher, nullptr, &done, bytes(datagram.data()), sizeof clear) != 1 ||
        EVP_DecryptUpdate(cipher, bytes(plain.data()), &done, bytes(text.data()),
            static_cast<int>(text.size())) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, seal_tag_bytes, tag.data()) != 1 ||
        EVP_DecryptFinal_ex(cipher, bytes(plain.data()) + done, &done) != 1)
        return {SealFault::forged, {}};
    // Only who has the key gets a place in the list.
    if (known == by_salt_.end()) {
        if (senders_.size() == senders_max) {
            by_salt_.erase(senders_.back().salt);
            senders_.pop_back();
        }
        senders_.push_front({clear.salt, std::move(fresh), {}});
        known = by_salt_.emplace(clear.salt, senders_.begin()).first;
    } else {
        senders_.splice(senders_.begin(), senders_, known->second);
    }
    uint64_t counter = 0;
    std::memcpy(&counter, clear.counter, sizeof counter);
    if (!known->second->window.take(counter)) return {SealFault::replayed, {}};
    return {SealFault::none, std::move(plain)};
}

} // namespace rove::net
