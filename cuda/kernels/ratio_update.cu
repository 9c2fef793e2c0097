#include "cuda/kernels/ratio_update.hpp"

#include <cmath>
#include <limits>

#include "cuda/kernels/reduce.cuh"
#include "cuda/launch.hpp"

namespace orthant::cuda {
namespace {

constexpr int kThreads = kReduceThreads;
constexpr int kColumns = 4;  // that a group of lanes has on their way at once, since each takes as long as memory does

// What is the same for all columns.
template <class T>
struct Form {
  T l1, l2, exponent;
  bool root;

  /// What becomes of f, with d + l1 = b and d + l1 + l2 f = d.
  __device__ T next(T f, T n, T b, T d) const {
    constexpr T kLeast = std::numeric_limits<T>::min();
    T scale = n / (root ? b : d);
    if (root) {
      // In this form of the root nothing cancels: its second term is 1 where l2 is small.
      scale = 2 * scale / (1 + std::sqrt(1 + 4 * (l2 * f / b) * scale));
    } else if (exponent != 1) {
      scale = std::pow(scale > kLeast ? scale : kLeast, exponent);
    }
    // Terms that are not finite make NaN, not a component that seems to have died. Subnormal numbers carry no digits;
    // 0/0 is 0.
    const T terms_sum = n + d, next = f * scale + (terms_sum - terms_sum);
    return d == 0 || n == 0 || next < kLeast ? T(0) : next;
  }
};

// A group of lanes takes a few columns. The largest entry of each, the unit of the KKT sums, is found first.
template <class T>
__global__ void __launch_bounds__(kThreads)
    update(core::Factor<T> f, core::Factor<const T> numerator, core::Factor<const T> denominator, Form<T> form,
           int lanes, core::KktSums* kkt, Scratch scratch) {
  const device::Global<T> data = f.data;
  const device::Global<const T> numerators = numerator.data, denominators = denominator.data;
  const int lane = static_cast<int>(threadIdx.x) % lanes, group = static_cast<int>(threadIdx.x) / lanes;
  const int of_block = kThreads / lanes * kColumns;
  double sums[2] = {0, 0};
  const auto step = static_cast<std::int64_t>(gridDim.x) * of_block;
  for (std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * of_block; first < f.count; first += step) {
    // Columns of a group lie next to each other. Those beyond the last are not there.
    const std::int64_t j0 = first + group * kColumns;
    const auto present = static_cast<int>(f.count - j0 < kColumns ? f.count - j0 : kColumns);
    T unit[kColumns] = {};
    if (kkt != nullptr) {
      for (int c = lane; c < f.rank; c += lanes) {
        ORTHANT_UNROLL_LOOP
        for (int i = 0; i < kColumns; ++i) {
          const T fc = i < present ? static_cast<T>(data[(j0 + i) * f.ld + c]) : T(0);
          unit[i] = fc > unit[i] ? fc : unit[i];
        }
      }
      ORTHANT_UNROLL_LOOP
      for (int i = 0; i < kColumns; ++i) {
        for (int lanes_apart = lanes / 2; lanes_apart > 0; lanes_apart /= 2) {
          const T of_other = device::shuffle_xor(unit[i], lanes_apart, lanes);
          unit[i] = of_other > unit[i] ? of_other : unit[i];
        }
        unit[i] = unit[i] > 0 ? 1 / unit[i] : T(0);
      }
    }
    for (int c = lane; c < f.rank; c += lanes) {
      T fc[kColumns] = {}, n[kColumns] = {}, b[kColumns] = {};
      ORTHANT_UNROLL_LOOP
      for (int i = 0; i < kColumns; ++i) {
        if (i >= present) continue;
        fc[i] = data[(j0 + i) * f.ld + c];
        n[i] = numerators[(j0 + i) * numerator.ld + c];
        b[i] = denominators[(j0 + i) * denominator.ld + c];
      }
      ORTHANT_UNROLL_LOOP
      for (int i = 0; i < kColumns; ++i) {
        if (i >= present) continue;
        const T shifted = b[i] + form.l1, d = form.l2 * fc[i] + shifted;
        if (form.exponent != 0) data[(j0 + i) * f.ld + c] = form.next(fc[i], n[i], shifted, d);
        if (kkt != nullptr) {
          const T own = fc[i] * unit[i] * d, gradient = d - n[i];
          const auto least = static_cast<double>(own < gradient ? own : gradient);
          sums[0] += least * least;
          sums[1] += static_cast<double>(n[i]) * static_cast<double>(n[i]);
        }
      }
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
  int lanes = 1;
  while (lanes < f.rank && lanes < 32) lanes *= 2;
  const Form<T> of_update{static_cast<T>(penalty.l1), static_cast<T>(penalty.l2), static_cast<T>(form.exponent),
                          form.root};
  launch(gpu, "multiplicative update by a ratio", update<T>, grid_size(gpu, f.count, kThreads / lanes * kColumns),
         kThreads, 0, f, terms.numerator, terms.denominator, of_update, lanes, kkt, gpu.scratch());
}

#define ORTHANT_INSTANTIATE(T)                                                                           \
  template void update_by_ratio(const Gpu&, core::Factor<T>, const core::Terms<T>&, core::ScaledPenalty, \
                                core::RatioForm, core::KktSums*);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::cuda
