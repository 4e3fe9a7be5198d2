# SPDX-License-Identifier: Apache-2.0
# One process, then two at once; each loop is ended by an alarm.
set -eu
openssl speed -seconds 1 -bytes 4096 sha256 aes-128-cbc
openssl speed -seconds 1 -multi 2 -bytes 4096 -evp chacha20-poly1305
