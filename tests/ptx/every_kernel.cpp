// Fails a run of tests from PTX that has left out a kernel, if the environment variable ORTHANT_PTX_EVERY_KERNEL is
// set.

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/ptx/executor.hpp"

namespace ptx {
namespace {

class EveryKernel : public testing::Environment {
 public:
  void TearDown() override {
    for (const std::string& name : never_launched()) ADD_FAILURE() << "no test has launched " << name;
  }
};

[[maybe_unused]] const bool kAdded = [] {
  if (std::getenv("ORTHANT_PTX_EVERY_KERNEL") == nullptr) return false;
  testing::AddGlobalTestEnvironment(new EveryKernel);
  return true;
}();

}  // namespace
}  // namespace ptx
