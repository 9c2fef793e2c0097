#pragma once

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host/core/runtime.hpp"
#include "orthant/context.hpp"
#include "tests/staged.hpp"
#include "tests/test_context.hpp"

namespace orthant::test {

using Precisions = testing::Types<float, double>;
struct PrecisionNames {
  template <class T>
  static std::string GetName(int) {
    return std::is_same_v<T, float> ? "float" : "double";
  }
};

/// While it lives, the library's kernels run for one instruction set.
class ForcedTarget {
 public:
  explicit ForcedTarget(const SimdTarget& target) { hwy::SetSupportedTargetsForTest(target.highway); }
  ~ForcedTarget() { hwy::SetSupportedTargetsForTest(0); }
  ForcedTarget(const ForcedTarget&) = delete;
  ForcedTarget& operator=(const ForcedTarget&) = delete;
};

/// Suites that run once for each element type and each of simd_targets(); on the CUDA backend, whose memory they do not
/// see, backend() and staged() work on that of the host.
template <class Value>
class SimdTest : public testing::Test {
 public:
  void run_for(const SimdTarget& target) { target_ = target; }

 protected:
  void SetUp() override {
    forced_ = std::make_unique<ForcedTarget>(target_);
    context_ = std::make_unique<Context>(make_context());
  }
  const Context& context() const { return *context_; }

  /// The backend itself, whose pointers are to its own memory.
  const core::Backend<Value>& device_backend() const { return context().runtime()->backend(Value{}); }
  const core::Backend<Value>& backend() const { return backend_of(context()); }
  const core::Backend<Value>& backend_of(const Context& context) const {
    const core::Backend<Value>& backend = context.runtime()->backend(Value{});
    if (!kOnDevice) return backend;
    return *staged_backends_.emplace_back(std::make_unique<StagedBackend<Value>>(backend));
  }
  std::shared_ptr<const core::DataMatrix<Value>> staged(const Matrix<Value>& x) const {
    if (!kOnDevice) return x.data();
    return std::make_shared<StagedMatrix<Value>>(device_backend(), *kept_.emplace_back(x.data()));
  }

 private:
  SimdTarget target_;
  std::unique_ptr<ForcedTarget> forced_;
  std::unique_ptr<Context> context_;
  mutable std::vector<std::unique_ptr<core::Backend<Value>>> staged_backends_;
  mutable std::vector<std::shared_ptr<const core::DataMatrix<Value>>> kept_;
};

template <class T, class Test>
void register_simd_test(const std::string& suite, const char* name, const char* file, int line) {
  for (const SimdTarget& target : simd_targets())
    testing::RegisterTest((suite + "/" + PrecisionNames::GetName<T>(0) + "_" + target.name).c_str(), name, nullptr,
                          nullptr, file, line, [target]() -> SimdTest<T>* {
                            auto* test = new Test;
                            test->run_for(target);
                            return test;
                          });
}

/// A test of `Suite`, a class template derived from SimdTest, in whose body TypeParam is the element type. GoogleTest's
/// typed tests would compile it for every instruction set, though these differ at run time only.
#define SIMD_TEST(Suite, Name)                                                                    \
  template <class TypeParam>                                                                      \
  class Suite##_##Name##_Test final : public Suite<TypeParam> {                                   \
    void TestBody() override;                                                                     \
  };                                                                                              \
  [[maybe_unused]] const bool Suite##_##Name##_registered = [] {                                  \
    register_simd_test<float, Suite##_##Name##_Test<float>>(#Suite, #Name, __FILE__, __LINE__);   \
    register_simd_test<double, Suite##_##Name##_Test<double>>(#Suite, #Name, __FILE__, __LINE__); \
    return true;                                                                                  \
  }();                                                                                            \
  template <class TypeParam>                                                                      \
  void Suite##_##Name##_Test<TypeParam>::TestBody()

}  // namespace orthant::test
