# SPDX-License-Identifier: Apache-2.0
"""OpenSSL measures itself: alarms end its loops. What it prints are numbers, which differ."""
from program import Program, script, without_numbers

PROGRAM = Program(["sh", script("openssl_speed.sh")], ["openssl"], scrub=without_numbers)
