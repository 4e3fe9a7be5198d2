// SPDX-License-Identifier: Apache-2.0
// Tls: one end of a TLS 1.3 connection, authenticated on both sides by the cluster key.
//
// Sans I/O: bytes from the network go in by feed(), bytes for the network come out by
// take_output(), so the event loop, the tests and the fuzzer drive the same code. There are no
// certificates: a pre-shared key with fresh Diffie-Hellman; who has not the key gets no further
// than the handshake.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hh"

namespace rove::net {

enum class Role { client, server };

class Tls {
public:
    // `psk` is 32 bytes, see derive().
    static Result<Tls> create(std::string const& psk, Role role);
    Tls(Tls&&) noexcept;
    Tls& operator=(Tls&&) noexcept;
    ~Tls();

    // Takes what the network brought and goes on with the handshake. EACCES: the other end has
    // another key. Output may be waiting after an error, too: the alert that tells the other end.
    Status feed(std::string_view ciphertext);
    bool established() const;
    // The plaintext that has come so far.
    Result<std::string> read();
    // Requires established().
    Status write(std::string_view plaintext);
    std::string take_output();

private:
    struct State;
    explicit Tls(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

} // namespace rove::net
