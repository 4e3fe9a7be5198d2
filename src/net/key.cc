// SPDX-License-Identifier: Apache-2.0
// Key: reading the cluster key and deriving from it.
#include "net/key.hh"

#include <memory>

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "base/text.hh"
#include "sys/files.hh"

namespace rove::net {

Result<ClusterKey> load_cluster_key(std::string const& path) {
    struct stat status = TRY(sys::stat(path));
    if ((status.st_mode & 077) != 0)
        return deny(EACCES, "the cluster key {0} can be read by others; 'chmod 600 {0}'", path);
    ClusterKey key{std::string(trim(TRY(sys::read_file(path, 64 << 10))))};
    if (key.secret.size() < key_bytes_min)
        return deny(EINVAL, "the cluster key {} is shorter than {} bytes", path, key_bytes_min);
    return key;
}

Result<std::string> derive(ClusterKey const& key, std::string_view purpose) {
    std::unique_ptr<EVP_KDF, void (*)(EVP_KDF*)> kdf(
        EVP_KDF_fetch(nullptr, "HKDF", nullptr), EVP_KDF_free);
    std::unique_ptr<EVP_KDF_CTX, void (*)(EVP_KDF_CTX*)> context(
        EVP_KDF_CTX_new(kdf.get()), EVP_KDF_CTX_free);
    if (!context) return deny(ENOTSUP, "OpenSSL has no HKDF");
    std::string secret = key.secret, label(purpose), salt = "rove cluster", digest = "SHA256";
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret.data(), secret.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt.data(), salt.size()),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, label.data(), label.size()),
        OSSL_PARAM_construct_end()};
    std::string out(32, '\0');
    if (EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(out.data()), out.size(),
            parameters) != 1)
        return deny(EIO, "cannot derive a key");
    return out;
}

} // namespace rove::net
