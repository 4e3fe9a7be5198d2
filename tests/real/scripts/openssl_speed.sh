# SPDX-License-Identifier: Apache-2.0
# One process, then two at once; each loop is ended by an alarm. By the clock on the wall: of the CPU time that a process
# reads at home, what it used away is missing, so speeds by CPU time can even be negative.
set -eu
openssl speed -elapsed -seconds 1 -bytes 4096 sha256 aes-128-cbc
openssl speed -elapsed -seconds 1 -multi 2 -bytes 4096 -evp chacha20-poly1305
