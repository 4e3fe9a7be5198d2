// SPDX-License-Identifier: Apache-2.0
// The verb `lab`: a cluster on one machine.
#pragma once

namespace rove {

// argv[0] is "lab". Returns the exit code of the program.
int lab_main(int argc, char** argv);

} // namespace rove
