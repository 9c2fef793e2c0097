// What changes of the type of dense X move.

#include "cuda/kernels/storage.hpp"
#include "cuda/kernels/survey.hpp"
#include "tests/cuda/traffic/bound.hpp"

namespace orthant::cuda::traffic {

std::vector<Bound> storage_bounds() {
  constexpr double kX_bytes = 4.0 * kCount * kLength;
  std::vector<Bound> t;
  for_each_narrow_type([&](const std::string& type, auto element) {
    using S = decltype(element);
    t.push_back({.kernel = "storage: nearest<float, " + type + ">",
                 .read = kX_bytes,
                 .written = kX_bytes / 4 * sizeof(S),
                 .call = [](Device& d) {
                   narrow_lines(d.gpu(), x_of<float>(d), kLength, observed_x(d, false), kCount, kLength, 0, kCount,
                                false, x_of<S>(d),
                                d.array<unsigned long long>(1, [](std::int64_t) { return Survey::kNone; }));
                 }});
  });
  t.push_back({.kernel = "storage: converted<float>", .read = 2 * kX_bytes, .written = kX_bytes, .call = [](Device& d) {
                 convert_lines(d.gpu(), core::ElementType::float64, x_of<double>(d), kCount, kLength, kLength,
                               x_of<float>(d));
               }});
  return t;
}

}  // namespace orthant::cuda::traffic
