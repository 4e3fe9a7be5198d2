# SPDX-License-Identifier: Apache-2.0
"""Systems of equations, solved by LU."""
from mpi_programs._scalapack import suite

PROGRAM = suite("xdlu", "LU.dat")
