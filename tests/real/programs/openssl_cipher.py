# SPDX-License-Identifier: Apache-2.0
"""OpenSSL: derives a key, which takes long, and encrypts a file."""
from inputs import big_file
from program import Program

KEY = ["-pbkdf2", "-iter", "1500000", "-S", "1122334455667788", "-k", "key"]
PROGRAM = Program(["openssl", "enc", "-aes-256-ctr", *KEY, "-in", "big", "-out", "sealed"], ["openssl"],
                  quick=True, inputs=[big_file], files=["sealed"])
