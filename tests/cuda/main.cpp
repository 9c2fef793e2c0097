// The main of programs whose tests need a CUDA Context: without one they are skipped as a whole (CTest's
// SKIP_RETURN_CODE), or fail if ORTHANT_REQUIRE_CUDA is 1.

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "orthant/context.hpp"
#include "orthant/error.hpp"

int main(int argc, char** argv) {
  constexpr int kSkipped = 77;
  testing::InitGoogleTest(&argc, argv);
  try {
    orthant::Context::cuda();
  } catch (const orthant::BackendUnavailable& e) {
    const char* required = std::getenv("ORTHANT_REQUIRE_CUDA");
    const bool fail = required != nullptr && std::string(required) == "1";
    std::cerr << (fail ? "failed: ORTHANT_REQUIRE_CUDA is 1, but " : "skipped: ") << e.what() << '\n';
    return fail ? 1 : kSkipped;
  }
  return RUN_ALL_TESTS();
}
