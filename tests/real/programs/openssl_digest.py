# SPDX-License-Identifier: Apache-2.0
"""OpenSSL: digests of files."""
from inputs import big_file
from program import Program

PROGRAM = Program(["openssl", "dgst", "-sha512", *["big"] * 8], ["openssl"], quick=True, inputs=[big_file])
