# SPDX-License-Identifier: Apache-2.0
# Builds a copy of the tree that was configured, and runs its tests.
set -eu
cp -a "$1"/. .
make -s -j2 -C build/libiberty CFLAGS=-O1 > make.log 2>&1
make -s -C build/libiberty/testsuite CFLAGS=-O1 check-cplus-dem check-d-demangle check-rust-demangle check-expandargv check-strtol check-pexecute
