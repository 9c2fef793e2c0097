#pragma once

#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "bench/cost.hpp"
#include "orthant/context.hpp"

namespace orthant::bench {

/// What a Context can do at most. Each is the best that was seen so far, so that measuring again, between timings,
/// lets both see the same disturbances of the machine.
class Limits {
 public:
  explicit Limits(const Context& context);

  bool on_device() const { return on_device_; }
  /// Bytes per second: read, or on a device copied.
  double bandwidth() const { return bandwidth_; }
  /// Flops per second: of multiply-adds in registers, or on a device of a matrix product.
  template <class T>
  double flops();
  /// Flops and bandwidth once more; not on a device, which nobody else uses.
  template <class T>
  void measure_again();
  /// Columns per second that are gathered at random from a factor of that size; not on a device.
  template <class T>
  double gathers(std::int64_t rank, std::int64_t count);

  /// The largest of what flops, bytes and (on the CPU) gathers take by themselves.
  template <class T>
  Bound bound(const Cost& cost, const Iteration& iteration);

 private:
  template <class T>
  double& best_flops() {
    return flops_[sizeof(T) == sizeof(double)];
  }

  Context context_;
  bool on_device_;
  std::vector<float> array_;  // read to measure the bandwidth
  double bandwidth_;
  double flops_[2] = {0, 0};  // of float and double; 0: not measured yet
  std::map<std::tuple<std::size_t, std::int64_t, std::int64_t>, double> gathers_;
};

}  // namespace orthant::bench
