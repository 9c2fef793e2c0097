// What conversions of sparse X to the form that kernels read move.

#include <cmath>

#include "cuda/kernels/convert.hpp"
#include "cuda/kernels/sparse_product.hpp"
#include "tests/cuda/traffic/bound.hpp"

namespace orthant::cuda::traffic {

std::vector<Bound> convert_bounds() {
  const auto nonzeros = static_cast<double>(kX.size()), segments = static_cast<double>(kX.count);
  const double steps = std::log2(segments), warps = nonzeros / 32;
  std::vector<Bound> t = {
      {.kernel = "convert: segments_of",
       .read = nonzeros * 8 + segments * 8,
       .written = nonzeros * 4,
       .again = warps * steps * kSector,
       .reason = "a search by every entry, from L1",
       .call =
           [](Device& d) {
             find_segments(d.gpu(), kX.count, kX.size(), sparse_x(d).offsets, positions_of_x(d),
                           d.zeros<std::int32_t>(kX.size()));
           }},
      {.kernel = "convert: offsets_of",
       .read = nonzeros * 4,
       .written = segments * 8,
       .again = segments * std::log2(nonzeros) * kSector,
       .reason = "a search by every segment, whose first steps are the same for all",
       .call =
           [](Device& d) {
             find_offsets(d.gpu(), kX.count, kX.size(), segments_of_x(d), d.zeros<std::int64_t>(kX.count + 1));
           }},
      {.kernel = "convert: starts_of_runs",
       .read = nonzeros * 8,
       .written = nonzeros * 8,
       .again = nonzeros * 8 + warps * 2 * kSector,
       .reason = "each entry with the one before, from L1",
       .call =
           [](Device& d) {
             mark_starts(d.gpu(), kX.size(), segments_of_x(d), sparse_x(d).indices,
                         d.zeros<std::int64_t>(kX.size() + 1));
           }},
      {.kernel = "convert: runs<float>",
       .read = nonzeros * (8 + 4 + 4 + 4),
       .written = nonzeros * (4 + 4 + 4),
       .again = 2 * (nonzeros * 8 + warps * kSector),
       .reason = "the sum of starts at each entry, at the one after and at the one after that, from L1",
       .call =
           [](Device& d) {
             const auto* const targets = d.array<std::int64_t>(kX.size() + 1, [](std::int64_t p) { return p; });
             add_runs(d.gpu(), kX.size(), targets, segments_of_x(d), sparse_x(d).indices, sparse_x(d).values,
                      d.zeros<std::int32_t>(kX.size()), d.zeros<std::int32_t>(kX.size()), d.zeros<float>(kX.size()));
           }},
      {.kernel = "convert: part_counts",
       .read = 8 * segments,
       .written = 8 * segments,
       .again = 8 * segments + segments / 32 * kSector,
       .reason = "each offset with the one after, from L1",
       .call =
           [](Device& d) {
             count_parts(d.gpu(), kX.count, sparse_x(d).offsets, 256, d.zeros<std::int64_t>(kX.count + 1));
           }},
      {.kernel = "convert: part_lists",
       .read = 8 * segments,
       .written = 8 * segments,
       .again = 8 * segments + segments / 32 * kSector,
       .reason = "each first part with the one after, from L1",
       .call =
           [](Device& d) {
             const auto* const first = d.array<std::int64_t>(kX.count + 1, [](std::int64_t i) { return i; });
             list_parts(d.gpu(), kX.count, first, d.zeros<std::int32_t>(kX.count), d.zeros<std::int32_t>(kX.count));
           }},
  };
  t.push_back({.kernel = "convert: narrowed", .read = nonzeros * 8, .written = nonzeros * 4, .call = [](Device& d) {
                 narrow_integers(d.gpu(), kX.size(), positions_of_x(d), d.zeros<std::int32_t>(kX.size()));
               }});
  const auto add_numbers = [&](const char* type, auto index) {
    using Index = decltype(index);
    t.push_back({.kernel = std::string("convert: numbers<") + type + ">",
                 .read = nonzeros * sizeof(Index),
                 .written = nonzeros * (4 + 8),
                 .call = [](Device& d) {
                   number_entries(d.gpu(), kX.size(), d.zeros<Index>(kX.size()), d.zeros<std::int32_t>(kX.size()),
                                  d.zeros<std::int64_t>(kX.size()));
                 }});
  };
  add_numbers("int", std::int32_t{});
  add_numbers("long", std::int64_t{});
  const auto gathered = [&](const char* type, auto value) {
    using Value = decltype(value);
    t.push_back({.kernel = std::string("convert: gathered<") + type + ">",
                 .read = nonzeros * (8 + sizeof(Value)),
                 .written = nonzeros * sizeof(Value),
                 .call = [](Device& d) {
                   gather(d.gpu(), kX.size(), d.zeros<Value>(kX.size()), positions_of_x(d), d.zeros<Value>(kX.size()));
                 }});
  };
  gathered("int", std::int32_t{});
  gathered("float", float{});
  return t;
}

}  // namespace orthant::cuda::traffic
