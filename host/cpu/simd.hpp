#pragma once

// What every file of SIMD kernels includes first. Highway compiles such a file once for each instruction set below and
// picks the best one that the processor has at run time. Vectors are kept in arrays, so scalable sets (SVE, RVV) are
// left out; the sets between those named bring these kernels nothing and would only lengthen the build.
#define HWY_DISABLED_TARGETS \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3_DL | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

// Unrolls the next loop, whose bounds are constants, so that arrays of vectors stay in registers.
#define ORTHANT_UNROLL _Pragma("GCC unroll 32")
