#include "bench/published.hpp"

#include <algorithm>
#include <cmath>

namespace orthant::bench {

Bound predict(const PublishedDevice& device, const Iteration& it) {
  const Cost cost = cost_of(it);
  const double rate = it.element_size == sizeof(float) ? device.flops : device.double_flops;
  const double column = static_cast<double>(it.rank) * it.element_size;
  double gathered = 0;
  for (const std::int64_t count : {it.shape.rows, it.shape.columns})
    if (column * static_cast<double>(count) > device.cache) gathered += cost.gathers * std::ceil(column / 32) * 32;
  double seconds = 0, of_bytes = 0;
  for (const Phase& p : cost.phases) {
    const double bytes = p.bytes + (&p == &cost.phases.front() ? gathered : 0);  // the first reads X
    const double moving = bytes / device.bandwidth, computing = p.flops / rate;
    seconds += std::max(moving, computing);
    if (moving > computing) of_bytes += moving;
  }
  return {seconds, 2 * of_bytes > seconds ? "bytes" : "flops"};
}

}  // namespace orthant::bench
