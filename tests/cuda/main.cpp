// The main of programs whose tests need a CUDA Context: without one they are skipped as a whole (CTest's
// SKIP_RETURN_CODE), or fail if ORTHANT_REQUIRE_CUDA is 1. A filter that matches no test fails, too.

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
  const int result = RUN_ALL_TESTS();
  const bool none_asked_for =
      testing::GTEST_FLAG(filter) == "-*";  // by compute_sanitizer.sh, to see whether a device is there
  if (testing::UnitTest::GetInstance()->test_to_run_count() > 0 || none_asked_for) return result;
  std::cerr << "failed: no test matches " << testing::GTEST_FLAG(filter) << '\n';
  return 1;
}
