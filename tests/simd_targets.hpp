#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host/cpu/simd.hpp"  // before Highway: says for which instruction sets the library was compiled

#include <hwy/highway.h>

#include "host/core/runtime.hpp"
#include "orthant/context.hpp"
#include "tests/staged.hpp"
#include "tests/test_context.hpp"

namespace orthant::test {

/// Instruction sets that the library has code for and this processor can run, best first.
inline std::vector<std::int64_t> simd_targets() {
  static const std::vector<std::int64_t> targets = hwy::SupportedAndGeneratedTargets();
  return targets;
}

/// While it lives, the library's kernels run for one instruction set.
class ForcedTarget {
 public:
  explicit ForcedTarget(std::int64_t target) { hwy::SetSupportedTargetsForTest(target); }
  ~ForcedTarget() { hwy::SetSupportedTargetsForTest(0); }
  ForcedTarget(const ForcedTarget&) = delete;
  ForcedTarget& operator=(const ForcedTarget&) = delete;
};

/// Type parameter of a suite: element type, and which of simd_targets().
template <class T, int kTarget>
struct Simd {
  using Value = T;
  static constexpr int target = kTarget;
};
/// The target of a type that runs on the CUDA backend.
inline constexpr int kCuda = -1;
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ORTHANT_BEST_TARGET_ONLY  // threads share the work alike on every instruction set, and this sanitizer is slow
#endif
#endif
#if defined(ORTHANT_TEST_CUDA)
using SimdTypes = testing::Types<Simd<float, kCuda>, Simd<double, kCuda>>;
#elif defined(ORTHANT_BEST_TARGET_ONLY)
using SimdTypes = testing::Types<Simd<float, 0>, Simd<double, 0>>;
#elif defined(__SANITIZE_ADDRESS__)  // g++: the third set has one lane and no edges of vectors
using SimdTypes = testing::Types<Simd<float, 0>, Simd<float, 1>, Simd<double, 0>, Simd<double, 1>>;
#else
using SimdTypes =
    testing::Types<Simd<float, 0>, Simd<float, 1>, Simd<float, 2>, Simd<double, 0>, Simd<double, 1>, Simd<double, 2>>;
#endif

struct SimdNames {
  template <class S>
  static std::string GetName(int) {
    const std::string type = std::is_same_v<typename S::Value, float> ? "float" : "double";
    if (S::target == kCuda) return type + "_CUDA";
    const auto targets = simd_targets();
    return type + "_" +
           (S::target < static_cast<int>(targets.size()) ? hwy::TargetName(targets[S::target])
                                                         : "none" + std::to_string(S::target));
  }
};

/// Suites that run once for each element type and instruction set, or on the CUDA backend, whose memory they do not
/// see: backend() and staged() work on that of the host.
template <class S>
class SimdTest : public testing::Test {
 protected:
  using Value = typename S::Value;

  void SetUp() override {
    if (S::target != kCuda) force_target();
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
  void force_target() {
    const auto targets = simd_targets();
    if (S::target >= static_cast<int>(targets.size()))
      GTEST_SKIP() << "this processor runs only " << targets.size() << " of the library's instruction sets";
    forced_ = std::make_unique<ForcedTarget>(targets[S::target]);
  }

  std::unique_ptr<ForcedTarget> forced_;
  std::unique_ptr<Context> context_;
  mutable std::vector<std::unique_ptr<core::Backend<Value>>> staged_backends_;
  mutable std::vector<std::shared_ptr<const core::DataMatrix<Value>>> kept_;
};

struct PrecisionNames {
  template <class T>
  static std::string GetName(int) {
    return std::is_same_v<T, float> ? "float" : "double";
  }
};
using Precisions = testing::Types<float, double>;

}  // namespace orthant::test
