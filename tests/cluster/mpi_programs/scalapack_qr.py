# SPDX-License-Identifier: Apache-2.0
"""Orthogonal factorizations."""
from mpi_programs._scalapack import suite

PROGRAM = suite("xzqr", "QR.dat")
