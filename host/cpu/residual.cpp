#include "host/cpu/residual.hpp"

#include <algorithm>

#include "host/cpu/scratch.hpp"
#include "host/cpu/simd.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/cpu/residual.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
constexpr int kLanes = static_cast<int>(HWY_LANES(T));

struct ResidualScratch;
constexpr int kResidualColumns = 64;

template <class T>
double residual(Block<T> x, core::Factor<const T> w, core::Factor<const T> h) {
  const hn::ScalableTag<double> d;
  using V = hn::Vec<decltype(d)>;
  constexpr int n = kLanes<double>;
  constexpr int kVectors = std::min(4, kResidualColumns / n);
  const int k = w.rank;
  double* ht = scratch<ResidualScratch, double>(static_cast<std::size_t>(k) * kResidualColumns);
  double sums[8] = {};
  for (std::int64_t j = 0; j < x.columns; j += kResidualColumns) {
    const std::int64_t columns = std::min<std::int64_t>(kResidualColumns, x.columns - j);
    if (columns < kResidualColumns) std::fill_n(ht, static_cast<std::size_t>(k) * kResidualColumns, 0.0);
    for (std::int64_t l = 0; l < columns; ++l) {
      for (int c = 0; c < k; ++c) ht[c * kResidualColumns + l] = static_cast<double>(h.column(j + l)[c]);
    }
    for (std::int64_t i = 0; i < x.rows; ++i) {
      const T* row = x.data + i * x.ld + j;
      const T* wi = w.column(i);
      for (int group = 0; group < columns; group += kVectors * n) {
        V v[kVectors];
        ORTHANT_UNROLL for (int l = 0; l < kVectors; ++l) v[l] = hn::Zero(d);
        for (int c = 0; c < k; ++c) {
          const V wc = hn::Set(d, static_cast<double>(wi[c]));
          ORTHANT_UNROLL for (int l = 0; l < kVectors; ++l) {
            v[l] = hn::MulAdd(wc, hn::Load(d, ht + c * kResidualColumns + group + l * n), v[l]);
          }
        }
        double fitted[kVectors * n];
        ORTHANT_UNROLL for (int l = 0; l < kVectors; ++l) hn::StoreU(v[l], d, fitted + l * n);
        const std::int64_t valid = std::min<std::int64_t>(kVectors * n, columns - group);
        for (std::int64_t l = 0; l < valid; ++l) {
          const double e = static_cast<double>(row[group + l]) - fitted[l];
          sums[l % 8] += e * e;
        }
      }
    }
  }
  double sum = 0;
  for (double s : sums) sum += s;
  return sum;
}

double residual_float(Block<float> x, core::Factor<const float> w, core::Factor<const float> h) {
  return residual(x, w, h);
}
double residual_double(Block<double> x, core::Factor<const double> w, core::Factor<const double> h) {
  return residual(x, w, h);
}

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::cpu {

HWY_EXPORT(residual_float);
HWY_EXPORT(residual_double);

template <>
double residual_squares(Block<float> x, core::Factor<const float> w, core::Factor<const float> h) {
  return HWY_DYNAMIC_DISPATCH(residual_float)(x, w, h);
}
template <>
double residual_squares(Block<double> x, core::Factor<const double> w, core::Factor<const double> h) {
  return HWY_DYNAMIC_DISPATCH(residual_double)(x, w, h);
}

}  // namespace orthant::cpu
#endif
