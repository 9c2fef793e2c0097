#pragma once

#include "tests/simt/threads.hpp"

namespace simt {

/// The product of a warp: every C becomes A B + C. Of factors, the bits that their format lacks are ignored, as tensor
/// cores do: who has not rounded, truncates. Sums are in double.
void multiply(Factors factors, Fragments* const (&of_lanes)[32]);

}  // namespace simt
