#include "host/cpu/survey.hpp"

#include <limits>

#include "host/cpu/simd.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/cpu/survey.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "host/cpu/double_sum-inl.hpp"
#include "host/cpu/partial-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
Survey look(const T* x, std::int64_t count, T* largest) {
  const hn::ScalableTag<T> d;
  constexpr std::int64_t n = hn::MaxLanes(d);
  const auto zero = hn::Zero(d), most = hn::Set(d, std::numeric_limits<T>::max());
  DoubleSum<T> sum;
  SquareSum<T> squared;
  auto valid = hn::Eq(zero, zero);
  const auto add = [&](auto v) HWY_ATTR {
    valid = hn::And(valid, hn::And(hn::Ge(v, zero), hn::Le(v, most)));
    sum.add(v);
    squared.add(v);
  };
  std::int64_t i = 0;
  for (; i + n <= count; i += n) {
    const auto v = hn::LoadU(d, x + i);
    add(v);
    if (largest != nullptr) hn::StoreU(hn::Max(hn::LoadU(d, largest + i), v), d, largest + i);
  }
  if (i < count) {
    const Partial<decltype(d)> last(d, count - i);
    const auto v = last.load(x + i);
    add(v);
    if (largest != nullptr) last.store(hn::Max(last.load(largest + i), v), largest + i);
  }
  return {sum.total(), squared.total(), hn::AllTrue(d, valid)};
}

Survey survey_float(const float* x, std::int64_t count, float* largest) { return look(x, count, largest); }
Survey survey_double(const double* x, std::int64_t count, double* largest) { return look(x, count, largest); }

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::cpu {

HWY_EXPORT(survey_float);
HWY_EXPORT(survey_double);

template <>
Survey survey(const float* x, std::int64_t count, float* largest) {
  return HWY_DYNAMIC_DISPATCH(survey_float)(x, count, largest);
}
template <>
Survey survey(const double* x, std::int64_t count, double* largest) {
  return HWY_DYNAMIC_DISPATCH(survey_double)(x, count, largest);
}

}  // namespace orthant::cpu
#endif
