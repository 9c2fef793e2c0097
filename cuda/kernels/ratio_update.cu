#include "cuda/kernels/ratio_update.hpp"

#include <cmath>
#include <limits>

#include "cuda/kernels/reduce.cuh"
#include "cuda/launch.hpp"

namespace orthant::cuda {
namespace {

constexpr int kThreads = kReduceThreads;

// A group of lanes takes a column. Its largest entry, the unit of the KKT sums, is found first.
template <class T>
__global__ void __launch_bounds__(kThreads)
    update(core::Factor<T> f, core::Factor<const T> numerator, core::Factor<const T> denominator, T l1, T l2,
           T exponent, bool root, int lanes, core::KktSums* kkt, Scratch scratch) {
  const device::Global<T> data = f.data;
  const device::Global<const T> numerators = numerator.data, denominators = denominator.data;
  constexpr T kLeast = std::numeric_limits<T>::min();
  const int lane = static_cast<int>(threadIdx.x) % lanes, group = static_cast<int>(threadIdx.x) / lanes;
  const int columns = kThreads / lanes;
  const std::int64_t tiles = (f.count + columns - 1) / columns;
  double sums[2] = {0, 0};
  for (std::int64_t tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    const std::int64_t j = tile * columns + group;
    const int rank = j < f.count ? f.rank : 0;
    T largest = 0;
    if (kkt != nullptr) {
      for (int c = lane; c < rank; c += lanes) {
        const T fc = data[j * f.ld + c];
        largest = fc > largest ? fc : largest;
      }
      for (int step = lanes / 2; step > 0; step /= 2) {
        const T of_other = device::shuffle_xor(largest, step, lanes);
        largest = of_other > largest ? of_other : largest;
      }
    }
    const T unit = largest > 0 ? 1 / largest : T(0);
    for (int c = lane; c < rank; c += lanes) {
      const T fc = data[j * f.ld + c], n = numerators[j * numerator.ld + c];
      const T b = static_cast<T>(denominators[j * denominator.ld + c]) + l1, d = l2 * fc + b;
      if (exponent != 0) {
        T scale = n / (root ? b : d);
        if (root) {
          // In this form of the root nothing cancels: its second term is 1 where l2 is small.
          scale = 2 * scale / (1 + std::sqrt(1 + 4 * (l2 * fc / b) * scale));
        } else if (exponent != 1) {
          scale = std::pow(scale > kLeast ? scale : kLeast, exponent);
        }
        // Terms that are not finite make NaN, not a component that seems to have died. Subnormal numbers carry no
        // digits; 0/0 is 0.
        const T terms_sum = n + d, next = fc * scale + (terms_sum - terms_sum);
        data[j * f.ld + c] = d == 0 || n == 0 || next < kLeast ? T(0) : next;
      }
      if (kkt != nullptr) {
        const T own = fc * unit * d, gradient = d - n;
        const auto step = static_cast<double>(own < gradient ? own : gradient);
        sums[0] += step * step;
        sums[1] += static_cast<double>(n) * static_cast<double>(n);
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
  launch(gpu, "multiplicative update by a ratio", update<T>, grid_size(gpu, f.count, kThreads / lanes), kThreads, 0, f,
         terms.numerator, terms.denominator, static_cast<T>(penalty.l1), static_cast<T>(penalty.l2),
         static_cast<T>(form.exponent), form.root, lanes, kkt, gpu.scratch());
}

#define ORTHANT_INSTANTIATE(T)                                                                           \
  template void update_by_ratio(const Gpu&, core::Factor<T>, const core::Terms<T>&, core::ScaledPenalty, \
                                core::RatioForm, core::KktSums*);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::cuda
