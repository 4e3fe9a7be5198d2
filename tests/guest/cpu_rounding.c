// SPDX-License-Identifier: Apache-2.0
// cpu_rounding: rounding modes, sticky flags and unmasked exceptions of MXCSR and x87 stay as the program set them.
// libs: -lm
#include "guest.h"
#include <fenv.h>
#include <math.h>

static int const modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};

int main(void) {
    for (long i = 0; again(i, 200); i++) {
        int mode = modes[i % 4];
        must(fesetround(mode));
        feclearexcept(FE_ALL_EXCEPT);
        volatile double a = 1, b = 3;
        volatile double third = a / b;
        spin(20000);
        equal(fegetround(), mode);
        check(fetestexcept(FE_INEXACT), "the inexact flag was lost");
        check(!fetestexcept(FE_DIVBYZERO), "a flag appeared");
        double down = 0x1.5555555555555p-2, up = 0x1.5555555555556p-2;
        check(third == (mode == FE_UPWARD ? up : down), "1/3 was rounded wrongly");
        equal(lrint(2.5), mode == FE_UPWARD ? 3 : 2);
    }
    fesetround(FE_TONEAREST);
    pass();
}
