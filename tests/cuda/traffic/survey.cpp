// What is read of X to see that it is valid.

#include <cmath>

#include "cuda/kernels/survey.hpp"
#include "tests/cuda/traffic/bound.hpp"

namespace orthant::cuda::traffic {

std::vector<Bound> survey_bounds() {
  constexpr double kX_bytes = 4.0 * kCount * kLength, kFlags = 4.0 * (kCount + kLength);
  constexpr double kTiles = kLength / 64 * kCount / 128;
  const auto nonzeros = static_cast<double>(kX.size()), segments = static_cast<double>(kX.count);
  const double steps = std::log2(segments), warps = nonzeros / 32;
  std::vector<Bound> t = {
      {.kernel = "survey: count_unused",
       .read = kFlags,
       .written = 0,
       .again = kFlags / 1024 * 16,
       .again_to = kFlags / 1024 * 2 * kSector,
       .reason = "sums of blocks",
       .barriers = of_sums(kFlags / 1024),
       .call =
           [](Device& d) {
             survey_dense(d.gpu(), d.factor(kLength, kCount).data, kLength, observed_x(d, false), kCount, kLength,
                          false, d.zeros<unsigned>(kCount + kLength), d.survey());
           }},
      {.kernel = "survey: dense<(Look)1, AllEntries<float> >",
       .read = kX_bytes,
       .written = 0,
       .call =
           [](Device& d) {
             find_invalid_entry(d.gpu(), d.factor(kLength, kCount).data, kCount, kLength, kLength, d.survey());
           }},
      {.kernel = "survey: check_offsets",
       .read = 8 * (segments + 1),
       .written = 0,
       .again = 8 * (segments + 1) + segments / 32 * kSector,
       .reason = "each offset with the one before, from L1",
       .call = [](Device& d) { survey_offsets(d.gpu(), kX.count, kX.size(), sparse_x(d).offsets, d.survey()); }},
  };
  const auto dense_survey = [&](const std::string& type, auto element) {
    using S = decltype(element);
    for (bool weighted : {false, true}) {
      const std::string entries = weighted ? "SomeEntries<float> >" : "AllEntries<" + type + "> >";
      const double bytes = kX_bytes / 4 * (sizeof(S) + (weighted ? 4 : 0));
      const int sums = weighted ? 3 : 2;
      t.push_back({.kernel = "survey: dense<(Look)0, " + entries,
                   .read = bytes,
                   .written = 0,
                   .again = kTiles * sums * 8,
                   .again_to = kTiles * sums * kSector,
                   .reason = "sums of blocks",
                   .barriers = of_sums(kTiles),
                   .call = [weighted](Device& d) {
                     survey_dense(d.gpu(), x_of<S>(d), kLength, observed_x(d, weighted), kCount, kLength, false,
                                  d.zeros<unsigned>(kCount + kLength), d.survey());
                   }});
      t.push_back(
          {.kernel = "survey: dense<(Look)2, " + entries, .read = bytes, .written = 0, .call = [weighted](Device& d) {
             find_zero_entry(d.gpu(), x_of<S>(d), kLength, observed_x(d, weighted), kCount, kLength, false, d.survey());
           }});
    }
  };
  dense_survey("float", float{});
  for_each_narrow_type(dense_survey);
  t.push_back({.kernel = "survey: zeros<float>",
               .read = 8 * segments,
               .written = 0,
               .again = 8 * segments + segments * 2 * kSector,
               .reason = "each offset with the one after, from L1; the first entries of segments",
               .call = [](Device& d) { find_zero_entry(d.gpu(), sparse_x(d), kX.length, false, d.survey()); }});
  t.push_back({.kernel = "survey: zeros<float>",
               .read = 8 * segments + 4 * nonzeros,
               .written = 0,
               .again = 8 * segments + (kSector - 4) * nonzeros,
               .reason =
                   "each offset with the one after, from L1; a thread goes along a segment, whose sectors are in L1 "
                   "for the next seven entries",
               .call = [](Device& d) { find_zero_entry(d.gpu(), sparse_x(d), kX.length, true, d.survey()); }});
  const auto sparse_survey = [&](const char* type, auto index) {
    using Index = decltype(index);
    for (bool weighted : {false, true}) {
      t.push_back({.kernel = std::string("survey: sparse<float, ") + type + ">",
                   .read = nonzeros * ((weighted ? 8 : 4) + sizeof(Index)) + segments * 8,
                   .written = 0,
                   .again = warps * (steps + 2) * kSector + nonzeros * sizeof(Index) + nonzeros / 64 * 24,
                   .again_to = nonzeros / 64 * 3 * kSector,
                   .reason = "a search by every entry, and the index before, from L1; sums of blocks",
                   .barriers = of_sums(nonzeros / 64),
                   .call = [weighted](Device& d) {
                     survey_sparse(d.gpu(), weighted ? weighted_x(d) : sparse_x(d), kX.length,
                                   d.array<Index>(kX.size(), [](std::int64_t p) { return kX.index(p); }),
                                   d.zeros<unsigned>(kX.count + kX.length), d.survey());
                   }});
    }
  };
  sparse_survey("int", std::int32_t{});
  sparse_survey("long", std::int64_t{});
  const auto check_of_coordinates = [&](const char* type, auto index) {
    using Index = decltype(index);
    for (bool weighted : {false, true}) {
      t.push_back({.kernel = std::string("survey: coordinates<float, ") + type + ">",
                   .read = nonzeros * ((weighted ? 8 : 4) + 2 * sizeof(Index)),
                   .written = 0,
                   .atomics = 0,
                   .call = [weighted](Device& d) {
                     const auto zeros = d.zeros<Index>(kX.size());
                     check_coordinates(d.gpu(), weighted ? weighted_x(d) : sparse_x(d), zeros, 1, zeros, 1, d.survey());
                   }});
    }
  };
  check_of_coordinates("int", std::int32_t{});
  check_of_coordinates("long", std::int64_t{});
  return t;
}

}  // namespace orthant::cuda::traffic
