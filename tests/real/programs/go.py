# SPDX-License-Identifier: Apache-2.0
"""Go: goroutines, channels, files, the garbage collector, a recovered fault."""
from building import go
from program import Program

PROGRAM = Program(["{build}/goroutines"], ["go"], quick=True, build=go("goroutines.go"))
