#include "host/cpu/divergence_elements.hpp"

#include <algorithm>

#include "host/cpu/scratch.hpp"
#include "host/cpu/simd.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "host/cpu/divergence_elements.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "host/cpu/divergence-inl.hpp"
#include "host/cpu/partial-inl.hpp"
#include "host/cpu/transpose-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace orthant::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class Kind, class T>
void weights_of(Kind kind, Block<T> x, T* v, T* b, std::int64_t ld) {
  const hn::ScalableTag<T> d;
  using D = decltype(d);
  constexpr std::int64_t n = kLanes<T>;
  const std::int64_t whole = x.columns / n * n;
  const Partial<D> rest(d, x.columns - whole);
  for (std::int64_t i = 0; i < x.rows; ++i) {
    const T* row = x.data + i * x.ld;
    T* vi = v + i * ld;
    T* bi = b + (b != nullptr ? i * ld : 0);
    for (std::int64_t j = 0; j < whole; j += n) {
      const auto w = kind.weights(d, hn::LoadU(d, row + j), hn::LoadU(d, vi + j));
      hn::StoreU(w.numerator, d, vi + j);
      if (b != nullptr) hn::StoreU(w.denominator, d, bi + j);
    }
    if (whole == x.columns) continue;
    const auto w = kind.weights(d, rest.load(row + whole), rest.load(vi + whole));
    rest.store(w.numerator, vi + whole);
    if (b != nullptr) rest.store(w.denominator, bi + whole);
  }
}

template <class T>
void weights(Block<T> x, const core::Divergence& divergence, T* v, T* b, std::int64_t ld) {
  with_divergence(hn::ScalableTag<T>(), divergence, [&](auto kind) { weights_of(kind, x, v, b, ld); });
}

struct DivergenceScratch;
constexpr int kTileColumns = 64;

template <class Kind, class T>
double sum_of(Kind kind, Block<T> x, core::Factor<const T> w, core::Factor<const T> h) {
  const hn::ScalableTag<double> d;
  using V = hn::Vec<decltype(d)>;
  constexpr int n = kLanes<double>;
  constexpr int kVectors = std::min(4, kTileColumns / n);
  const int k = w.rank;
  double* ht = scratch<DivergenceScratch, double>(static_cast<std::size_t>(k) * kTileColumns);
  V sums = hn::Zero(d);
  for (std::int64_t j = 0; j < x.columns; j += kTileColumns) {
    const std::int64_t columns = std::min<std::int64_t>(kTileColumns, x.columns - j);
    if (columns < kTileColumns) std::fill_n(ht, static_cast<std::size_t>(k) * kTileColumns, 0.0);
    for (std::int64_t l = 0; l < columns; ++l) {
      for (int c = 0; c < k; ++c) ht[c * kTileColumns + l] = static_cast<double>(h.column(j + l)[c]);
    }
    for (std::int64_t i = 0; i < x.rows; ++i) {
      double row[kTileColumns] = {};
      for (std::int64_t l = 0; l < columns; ++l) row[l] = static_cast<double>(x.data[i * x.ld + j + l]);
      const T* wi = w.column(i);
      for (int group = 0; group < columns; group += kVectors * n) {
        V v[kVectors];
        ORTHANT_UNROLL for (int l = 0; l < kVectors; ++l) v[l] = hn::Zero(d);
        for (int c = 0; c < k; ++c) {
          const V wc = hn::Set(d, static_cast<double>(wi[c]));
          ORTHANT_UNROLL for (int l = 0; l < kVectors; ++l) {
            v[l] = hn::MulAdd(wc, hn::Load(d, ht + c * kTileColumns + group + l * n), v[l]);
          }
        }
        ORTHANT_UNROLL for (int l = 0; l < kVectors; ++l) {
          const std::int64_t valid = std::clamp<std::int64_t>(columns - group - l * n, 0, n);
          const V value = kind.value(d, hn::LoadU(d, row + group + l * n), v[l]);
          sums = hn::Add(sums, hn::IfThenElseZero(hn::FirstN(d, static_cast<std::size_t>(valid)), value));
        }
      }
    }
  }
  return hn::GetLane(hn::SumOfLanes(d, sums));
}

template <class T>
double sum(Block<T> x, core::Factor<const T> w, core::Factor<const T> h, const core::Divergence& divergence) {
  double result = 0;
  with_divergence(hn::ScalableTag<double>(), divergence, [&](auto kind) { result = sum_of(kind, x, w, h); });
  return result;
}

#define ORTHANT_ELEMENTS(T)                                                                                         \
  void weights_##T(Block<T> x, const core::Divergence& d, T* v, T* b, std::int64_t ld) { weights(x, d, v, b, ld); } \
  double sum_##T(Block<T> x, core::Factor<const T> w, core::Factor<const T> h, const core::Divergence& d) {         \
    return sum(x, w, h, d);                                                                                         \
  }
ORTHANT_ELEMENTS(float)
ORTHANT_ELEMENTS(double)
#undef ORTHANT_ELEMENTS

}  // namespace orthant::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace orthant::cpu {

#define ORTHANT_ELEMENTS(T)                                                                              \
  HWY_EXPORT(weights_##T);                                                                               \
  HWY_EXPORT(sum_##T);                                                                                   \
  template <>                                                                                            \
  void divergence_weights(Block<T> x, const core::Divergence& divergence, T* v, T* b, std::int64_t ld) { \
    HWY_DYNAMIC_DISPATCH(weights_##T)(x, divergence, v, b, ld);                                          \
  }                                                                                                      \
  template <>                                                                                            \
  double divergence_sum(Block<T> x, core::Factor<const T> w, core::Factor<const T> h,                    \
                        const core::Divergence& divergence) {                                            \
    return HWY_DYNAMIC_DISPATCH(sum_##T)(x, w, h, divergence);                                           \
  }
ORTHANT_ELEMENTS(float)
ORTHANT_ELEMENTS(double)
#undef ORTHANT_ELEMENTS

}  // namespace orthant::cpu
#endif
