// SPDX-License-Identifier: Apache-2.0
// Tls: TLS 1.3 with an external pre-shared key over memory.
#include "net/tls.hh"

#include <cstring>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.hh"

namespace rove::net {

namespace {

constexpr char identity[] = "rove";
constexpr unsigned char cipher_id[2] = {
    0x13, 0x01}; // TLS_AES_128_GCM_SHA256: its hash is the key's

struct SslFree {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

// What OpenSSL calls a session is the key in the form that both ends look up.
SSL_SESSION* key_session(SSL* ssl) {
    auto const* psk = static_cast<std::string const*>(SSL_get_app_data(ssl));
    SSL_CIPHER const* cipher = SSL_CIPHER_find(ssl, cipher_id);
    SSL_SESSION* session = SSL_SESSION_new();
    if (session && cipher &&
        SSL_SESSION_set1_master_key(
            session, reinterpret_cast<unsigned char const*>(psk->data()), psk->size()) &&
        SSL_SESSION_set_cipher(session, cipher) &&
        SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION))
        return session;
    SSL_SESSION_free(session);
    return nullptr;
}

int use_key(
    SSL* ssl, EVP_MD const*, unsigned char const** id, size_t* id_length, SSL_SESSION** session) {
    *session = key_session(ssl);
    *id = reinterpret_cast<unsigned char const*>(identity);
    *id_length = sizeof identity - 1;
    return *session != nullptr;
}

int find_key(SSL* ssl, unsigned char const* id, size_t id_length, SSL_SESSION** session) {
    bool ours = id_length == sizeof identity - 1 && std::memcmp(id, identity, id_length) == 0;
    *session = ours ? key_session(ssl) : nullptr;
    return 1;
}

Failure explain() {
    unsigned long code = ERR_get_error();
    int reason = ERR_GET_REASON(code);
    ERR_clear_error();
    // A wrong key shows as a wrong binder here and as this alert at the other end.
    if (reason == SSL_R_BINDER_DOES_NOT_VERIFY || reason == SSL_R_TLSV1_ALERT_DECRYPT_ERROR ||
        reason == SSL_R_DIGEST_CHECK_FAILED || reason == SSL_R_SSLV3_ALERT_ILLEGAL_PARAMETER ||
        reason == SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM || reason == SSL_R_NO_SHARED_CIPHER ||
        reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE)
        return deny(EACCES, "it has another cluster key");
    char const* text = ERR_reason_error_string(code);
    return deny(EPROTO, "TLS failed ({})", text ? text : "connection closed");
}

} // namespace

struct Tls::State {
    std::string psk;
    std::unique_ptr<SSL_CTX, SslFree> context;
    std::unique_ptr<SSL, SslFree> ssl;
    BIO* in = nullptr;  // owned by ssl
    BIO* out = nullptr; // owned by ssl
};

Tls::Tls(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tls::Tls(Tls&&) noexcept = default;
Tls& Tls::operator=(Tls&&) noexcept = default;
Tls::~Tls() = default;

Result<Tls> Tls::create(std::string const& psk, Role role) {
    CHECK(psk.size() == 32);
    auto state = std::make_unique<State>();
    state->psk = psk;
    state->context.reset(SSL_CTX_new(TLS_method()));
    SSL_CTX* context = state->context.get();
    if (!context) return explain();
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    if (role == Role::client)
        SSL_CTX_set_psk_use_session_callback(context, use_key);
    else
        SSL_CTX_set_psk_find_session_callback(context, find_key);
    state->ssl.reset(SSL_new(context));
    if (!state->ssl) return explain();
    SSL* ssl = state->ssl.get();
    SSL_set_app_data(ssl, &state->psk);
    state->in = BIO_new(BIO_s_mem());
    state->out = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl, state->in, state->out);
    if (role == Role::client)
        SSL_set_connect_state(ssl);
    else
        SSL_set_accept_state(ssl);
    Tls tls(std::move(state));
    if (role == Role::client) TRY(tls.feed({}));
    return tls;
}

Status Tls::feed(std::string_view ciphertext) {
    if (!ciphertext.empty() &&
        BIO_write(state_->in, ciphertext.data(), static_cast<int>(ciphertext.size())) <= 0)
        return deny(ENOMEM, "no memory for TLS");
    if (established()) return {};
    ERR_clear_error();
    int done = SSL_do_handshake(state_->ssl.get());
    if (done == 1) {
        // The key alone makes a peer; a handshake without it proves nothing.
        if (!SSL_session_reused(state_->ssl.get()))
            return deny(EACCES, "it has another cluster key");
        return {};
    }
    int why = SSL_get_error(state_->ssl.get(), done);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return {};
    return explain();
}

bool Tls::established() const {
    return SSL_is_init_finished(state_->ssl.get()) == 1;
}

Result<std::string> Tls::read() {
    std::string plaintext;
    char buffer[16384];
    while (established()) {
        ERR_clear_error();
        int count = SSL_read(state_->ssl.get(), buffer, sizeof buffer);
        if (count > 0) {
            plaintext.append(buffer, static_cast<size_t>(count));
            continue;
        }
        int why = SSL_get_error(state_->ssl.get(), count);
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) break;
        if (why == SSL_ERROR_ZERO_RETURN) return deny(EPIPE, "the connection was closed");
        return explain();
    }
    return plaintext;
}

Status Tls::write(std::string_view plaintext) {
    CHECK(established());
    while (!plaintext.empty()) {
        ERR_clear_error();
        int part = static_cast<int>(std::min<size_t>(plaintext.size(), 1 << 20));
        int count = SSL_write(state_->ssl.get(), plaintext.data(), part);
        if (count <= 0) return explain();
        plaintext.remove_prefix(static_cast<size_t>(count));
    }
    return {};
}

std::string Tls::take_output() {
    std::string bytes(BIO_ctrl_pending(state_->out), '\0');
    if (!bytes.empty()) (void)BIO_read(state_->out, bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
}

} // namespace rove::net
