#include "bench/limits.hpp"

#include <algorithm>

#include "bench/device.hpp"
#include "bench/machine.hpp"

namespace orthant::bench {
namespace {

constexpr std::size_t kArray = 64 << 20;  // 256 MiB of float: more than caches hold

}  // namespace

Limits::Limits(const Context& context)
    : context_(context),
      on_device_(context.backend() == "cuda"),
      array_(on_device_ ? 0 : kArray, 1.0F),
      bandwidth_(on_device_ ? measure_copy(context) : measure_bandwidth(context.threads(), array_)) {}

template <class T>
double Limits::flops() {
  double& best = best_flops<T>();
  if (best == 0) best = on_device_ ? measure_gemm<T>(context_) : measure_flops<T>(context_.threads());
  return best;
}

template <class T>
void Limits::measure_again() {
  if (on_device_) return;
  best_flops<T>() = std::max(flops<T>(), measure_flops<T>(context_.threads(), 2));
  bandwidth_ = std::max(bandwidth_, measure_bandwidth(context_.threads(), array_, 1));
}

template <class T>
double Limits::gathers(std::int64_t rank, std::int64_t count) {
  double& rate = gathers_[{sizeof(T), rank, count}];
  if (rate == 0) rate = measure_gather<T>(context_.threads(), rank, count);
  return rate;
}

template <class T>
Bound Limits::bound(const Cost& cost, const Iteration& it) {
  Bound bound{cost.flops() / flops<T>(), "flops"};
  const auto consider = [&](double seconds, const char* by) {
    if (seconds > bound.seconds) bound = {seconds, by};
  };
  consider(cost.bytes() / bandwidth_, "bytes");
  if (!on_device_ && cost.gathers > 0) {
    consider(cost.gathers / gathers<T>(it.rank, it.shape.columns) + cost.gathers / gathers<T>(it.rank, it.shape.rows),
             "gathers");
  }
  return bound;
}

#define ORTHANT_INSTANTIATE(T)                                    \
  template double Limits::flops<T>();                             \
  template void Limits::measure_again<T>();                       \
  template double Limits::gathers<T>(std::int64_t, std::int64_t); \
  template Bound Limits::bound<T>(const Cost&, const Iteration&);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::bench
