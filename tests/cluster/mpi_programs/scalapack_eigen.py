# SPDX-License-Identifier: Apache-2.0
"""Eigenvalues and eigenvectors of symmetric matrices."""
from mpi_programs._scalapack import suite

PROGRAM = suite("xdsyevr", "SEPR.dat")
