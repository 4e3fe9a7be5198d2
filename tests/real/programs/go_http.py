# SPDX-License-Identifier: Apache-2.0
"""Go: a net/http server and its clients in one process."""
from building import go
from program import Program

PROGRAM = Program(["{build}/web"], ["go"], build=go("web.go"))
