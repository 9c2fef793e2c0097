#include "cuda/kernels/ratio_update.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cuda/kernels/reduce.cuh"
#include "cuda/kernels/vectors.hpp"
#include "cuda/launch.hpp"

namespace orthant::cuda {
namespace {

constexpr int kThreads = kReduceThreads;

// What is the same for all entries.
template <class T>
struct Form {
  T l1, l2, exponent;
  bool root;
};

// What becomes of f, with b = denominator + l1 and d = b + l2 f. kPlain: the ratio itself, without a power.
template <bool kPlain, class T>
__device__ T updated(const Form<T>& form, T f, T n, T b, T d) {
  constexpr T kLeast = std::numeric_limits<T>::min();
  T scale = n / (!kPlain && form.root ? b : d);
  if constexpr (!kPlain) {
    if (form.root) {
      // In this form of the root nothing cancels: its second term is 1 where l2 is small.
      scale = 2 * scale / (1 + std::sqrt(1 + 4 * (form.l2 * f / b) * scale));
    } else if (form.exponent != 1) {
      scale = std::pow(scale > kLeast ? scale : kLeast, form.exponent);
    }
  }
  // Where f is next to nothing the ratio may be beyond the range of T, and f / d is not.
  const bool is_plain = kPlain || (!form.root && form.exponent == 1);
  const T scaled = is_plain && scale > std::numeric_limits<T>::max() ? f / d * n : f == 0 ? T(0) : f * scale;
  // Terms that are not finite make NaN, not a component that seems to have died. Subnormal numbers carry no digits; 0/0
  // is 0.
  const T terms_sum = n + d, next = scaled + (terms_sum - terms_sum);
  return d == 0 || n == 0 || next < kLeast ? T(0) : next;
}

// A group of lanes takes a column, each kVector components that lie next to each other at a time. The largest entry,
// the unit of the KKT sums, is found first.
template <bool kPlain, int kVector, class T>
__global__ void __launch_bounds__(kThreads)
    update(core::Factor<T> f, core::Factor<const T> numerator, core::Factor<const T> denominator, Form<T> form,
           int lanes, core::KktSums* kkt, Scratch scratch) {
  const int group = static_cast<int>(threadIdx.x) / lanes, c0 = static_cast<int>(threadIdx.x) % lanes * kVector;
  const int columns = kThreads / lanes;
  const auto step = static_cast<std::int64_t>(gridDim.x) * columns;
  double sums[2] = {0, 0};
  for (std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * columns; first < f.count; first += step) {
    const std::int64_t j = first + group;
    const int rank = j < f.count ? f.rank : 0;
    const device::Global<T> column = device::Global<T>(f.data) + j * f.ld;
    const device::Global<const T> numerators = device::Global<const T>(numerator.data) + j * numerator.ld;
    const device::Global<const T> denominators = device::Global<const T>(denominator.data) + j * denominator.ld;
    T unit = 0;
    if (kkt != nullptr) {
      for (int c = c0; c < rank; c += lanes * kVector) {
        T fc[kVector];
        device::load(device::Global<const T>(column + c), fc);
        ORTHANT_UNROLL_LOOP
        for (int i = 0; i < kVector; ++i) unit = fc[i] > unit ? fc[i] : unit;
      }
      for (int apart = lanes / 2; apart > 0; apart /= 2) {
        const T of_other = device::shuffle_xor(unit, apart, lanes);
        unit = of_other > unit ? of_other : unit;
      }
      unit = unit > 0 ? 1 / unit : T(0);
    }
    for (int c = c0; c < rank; c += lanes * kVector) {
      T fc[kVector], n[kVector], b[kVector];
      device::load(device::Global<const T>(column + c), fc);
      device::load(numerators + c, n);
      device::load(denominators + c, b);
      ORTHANT_UNROLL_LOOP
      for (int i = 0; i < kVector; ++i) {
        b[i] += form.l1;
        const T d = form.l2 * fc[i] + b[i];
        if (kkt != nullptr) {
          const T own = fc[i] * unit * d, gradient = d - n[i];
          const auto least = static_cast<double>(own < gradient ? own : gradient);
          sums[0] += least * least;
          sums[1] += static_cast<double>(n[i]) * static_cast<double>(n[i]);
        }
        fc[i] = updated<kPlain>(form, fc[i], n[i], b[i], d);
      }
      if (form.exponent != 0) device::store(column + c, fc);
    }
  }
  if (kkt == nullptr) return;
  if (sum_over_grid(sums, scratch.values, scratch.counters)) {
    kkt->step_squared = sums[0];
    kkt->product_squared = sums[1];
  }
}

}  // namespace

template <class T>
void update_by_ratio(const Gpu& gpu, core::Factor<T> f, const core::Terms<T>& terms, core::ScaledPenalty penalty,
                     core::RatioForm form, core::KktSums* kkt) {
  const auto with = [&]<bool kPlain, int kVector>() {
    int lanes = 1;
    while (lanes * kVector < f.rank && lanes < 32) lanes *= 2;
    const Form<T> of_update{static_cast<T>(penalty.l1), static_cast<T>(penalty.l2), static_cast<T>(form.exponent),
                            form.root};
    launch(gpu, "multiplicative update by a ratio", update<kPlain, kVector, T>,
           grid_size(gpu, f.count, kThreads / lanes), kThreads, 0, f, terms.numerator, terms.denominator, of_update,
           lanes, kkt, gpu.scratch());
  };
  if (form.root || (form.exponent != 0 && form.exponent != 1)) return with.template operator()<false, 1>();
  switch (
      std::min({components_at_once(f), components_at_once(terms.numerator), components_at_once(terms.denominator)})) {
    case 1:
      return with.template operator()<true, 1>();
    case 2:
      return with.template operator()<true, 2>();
    default:
      return with.template operator()<true, 16 / sizeof(T)>();
  }
}

#define ORTHANT_INSTANTIATE(T)                                                                           \
  template void update_by_ratio(const Gpu&, core::Factor<T>, const core::Terms<T>&, core::ScaledPenalty, \
                                core::RatioForm, core::KktSums*);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::cuda
