// What each kernel of the backend moves, counted by the rig, against the least that it could.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "cuda/gpu.hpp"
#include "cuda/kernels/convert.hpp"
#include "cuda/kernels/coordinate_descent.hpp"
#include "cuda/kernels/divergence_dense.hpp"
#include "cuda/kernels/divergence_sparse.hpp"
#include "cuda/kernels/elementwise.hpp"
#include "cuda/kernels/factor_update.hpp"
#include "cuda/kernels/gram.hpp"
#include "cuda/kernels/narrow_product.hpp"
#include "cuda/kernels/nnls.hpp"
#include "cuda/kernels/ratio_update.hpp"
#include "cuda/kernels/residual.hpp"
#include "cuda/kernels/small_product.hpp"
#include "cuda/kernels/sparse_product.hpp"
#include "cuda/kernels/storage.hpp"
#include "cuda/kernels/sums.hpp"
#include "cuda/kernels/survey.hpp"
#include "tests/simt/rig.hpp"
#include "tests/simt/traffic.hpp"

namespace orthant::cuda {
namespace {

using core::Factor;
using core::Side;

constexpr int kMultiprocessors = 4;  // of the pretended device: few blocks are a full grid
constexpr double kMargin = 1.15;     // of every bound: sectors that neighbours share, sums over blocks

// Arrays in device memory, which live as long as this.
class Device {
 public:
  explicit Device(MathMode math = MathMode::strict) : gpu_(small_device(math)) {}

  const Gpu& gpu() const { return gpu_; }

  template <class U, class Value>
  U* array(std::int64_t size, Value&& value) {
    std::vector<U> host(static_cast<std::size_t>(size));
    for (std::int64_t i = 0; i < size; ++i) host[static_cast<std::size_t>(i)] = static_cast<U>(value(i));
    const std::int64_t bytes = size * static_cast<std::int64_t>(sizeof(U));
    const auto& memory = memory_.emplace_back(gpu_.memory(), bytes);
    gpu_.copy(memory.data(), host.data(), bytes);
    gpu_.synchronize();
    return reinterpret_cast<U*>(memory.data());
  }
  template <class U>
  U* zeros(std::int64_t size) {
    return array<U>(size, [](std::int64_t) { return 0; });
  }
  template <class U = float>
  Factor<U> factor(int rank, std::int64_t count) {
    return {array<U>(rank * count, [](std::int64_t i) { return 1 + i % 7; }), rank, count, rank};
  }
  Survey* survey() {
    return array<Survey>(1, [](std::int64_t) { return Survey{0, 0, 0, 0, 0, Survey::kNone, 0}; });
  }

 private:
  static CudaConfig small_device(MathMode math) {
    cudaDeviceProp properties{};
    EXPECT_EQ(cudaGetDeviceProperties(&properties, 0), cudaSuccess);
    properties.multiProcessorCount = kMultiprocessors;
    simt::set_properties(properties);
    return {.math = math};
  }
  Gpu gpu_;
  std::vector<core::Buffer<std::byte>> memory_;
};

// Sparse X: `per_segment` entries in each of `count` segments, at places spread over [0, length).
struct Entries {
  std::int64_t count, per_segment, length;

  constexpr std::int64_t size() const { return count * per_segment; }
  std::int64_t segment(std::int64_t p) const { return p / per_segment; }
  std::int64_t index(std::int64_t p) const {
    const std::int64_t apart = length / per_segment;
    return p % per_segment * apart + segment(p) % apart;
  }
  std::int64_t offset(std::int64_t i) const { return i * per_segment; }
};

// The shapes of all calls: a factor, dense X, whose lines belong to a factor of kCount columns, and sparse X.
constexpr int kRank = 32;
constexpr std::int64_t kCount = 512, kLength = 256;
constexpr Entries kX{256, 16, 512};

Compressed<float> sparse_x(Device& d, const Entries& x = kX) {
  return {x.count, x.size(), d.array<std::int64_t>(x.count + 1, [&](std::int64_t i) { return x.offset(i); }),
          d.array<std::int32_t>(x.size(), [&](std::int64_t p) { return x.index(p); }),
          d.array<float>(x.size(), [](std::int64_t) { return 1; })};
}
// With a weight for each entry.
Compressed<float> weighted_x(Device& d) {
  Compressed<float> x = sparse_x(d);
  x.weights = d.array<float>(kX.size(), [](std::int64_t p) { return 1 + p % 3; });
  return x;
}
std::int32_t* segments_of_x(Device& d) {
  return d.array<std::int32_t>(kX.size(), [](std::int64_t p) { return kX.segment(p); });
}
// Of all entries, in the order of memory.
std::int64_t* positions_of_x(Device& d) {
  return d.array<std::int64_t>(kX.size(), [](std::int64_t p) { return p; });
}

/// A kernel, a call that launches it once, and what it may move: bytes of global memory, as sectors of 32 bytes.
struct Bound {
  std::string kernel;       ///< as tests/ptx/resources.tsv names it
  double read, written;     ///< what must be, each byte once
  double again = 0;         ///< what is read beyond that, by design
  double again_to = 0;      ///< what is written beyond that, likewise
  const char* reason = "";  ///< for both
  double barriers = 0;      ///< of all blocks
  int ways = 2;             ///< words that an access to shared memory may want of one bank
  MathMode math = MathMode::strict;
  std::function<void(Device&)> call = {};
};

constexpr double kSector = 32;

constexpr double ceil_divide(double a, double b) {
  const auto quotient = static_cast<double>(static_cast<std::int64_t>(a / b));
  return quotient + (quotient * b < a);
}

/// Barriers of a sum over a grid: four, and two more of the last block.
constexpr double of_sums(double blocks) { return 4 * blocks + 2; }

std::vector<Bound> gram_bounds() {
  std::vector<Bound> t;
  for (int k : {kRank, 3 * kRank}) {
    const double f = 4.0 * k * kCount, tiles = k / 32, chunks = kCount / 256, pairs = tiles * (tiles + 1) / 2;
    t.push_back({.kernel = "gram: gram_tiles<float, float, float>",
                 .read = f,
                 .written = 4.0 * k * k,
                 .again = (tiles - 1) * f + pairs * chunks * 8192,
                 .again_to = pairs * chunks * 8192 + 4 * 4.0 * k * k,
                 .reason = "a tile reads the components of its rows and of its columns; sums of chunks of 256 columns "
                           "in double; a thread writes 4 x 4 entries",
                 .barriers = pairs * chunks * (2 * 256 / 32 + 2),
                 .call = [k](Device& d) {
                   gram_matrix<float>(d.gpu(), Factor<const float>(d.factor(k, kCount)),
                                      core::Gram<float>{d.zeros<float>(k * k), k});
                 }});
  }
  return t;
}

template <class T>
void add_update_bounds(const std::string& type, std::vector<Bound>& t) {
  constexpr double kSize = sizeof(T);
  for (int kind : {0, 1, 2}) {
    for (int k : {8, kRank, 2 * kRank}) {
      // Few columns are dealt out four to a block, so that every multiprocessor has some.
      for (std::int64_t count : {kCount, std::int64_t{40}}) {
        const auto columns = static_cast<double>(count);
        const double f = kSize * k * columns, blocks = columns / (count == kCount ? 32 : 4),
                     groups = ceil_divide(k, 16);
        t.push_back({.kernel = "factor_update: update<(Kind)" + std::to_string(kind) + ", " + type + ">",
                     .read = 2 * f,
                     .written = kind == 2 ? 0 : f,
                     .again = blocks * (kSize * k * k + 2 * 8),
                     .again_to = blocks * 2 * kSector,
                     .reason = "every block reads the Gram matrix, from L2; sums of blocks",
                     .barriers = blocks * (1 + groups * (2 * ceil_divide(k, 64) + 1 + (kind != 2))) + of_sums(blocks),
                     .call = [k, kind, count](Device& d) {
                       const Factor<T> factor = d.factor<T>(k, count);
                       const core::Terms<T> terms{{d.factor<T>(k, k).data, k}, d.factor<T>(k, count)};
                       auto* const kkt = d.zeros<core::KktSums>(1);
                       if (kind == 0) update_hals(d.gpu(), factor, terms, {}, 1, kkt);
                       if (kind == 1) update_multiplicative(d.gpu(), factor, terms, {}, kkt);
                       if (kind == 2) probe_kkt<T>(d.gpu(), factor, terms, {}, kkt);
                     }});
      }
    }
  }
}

std::vector<Bound> update_bounds() {
  std::vector<Bound> t;
  add_update_bounds<float>("float", t);
  add_update_bounds<double>("double", t);
  return t;
}

std::vector<Bound> sparse_product_bounds() {
  std::vector<Bound> t;
  const auto nonzeros = static_cast<double>(kX.size()), segments = static_cast<double>(kX.count);
  for (int k : {8, 16, 32, 64, 128}) {
    const int lanes = std::min(k, 32), own = k / lanes;
    t.push_back({.kernel = "sparse_product: gather<" + std::to_string(lanes) + ", " + std::to_string(own) + ", float>",
                 .read = 8 * segments + nonzeros * (4 + 4 + 4.0 * k),
                 .written = 4 * segments * k,
                 .again = nonzeros * 2 * (kSector - 4) + segments * 2 * (kSector * lanes / 32 - 4),
                 .reason = "the lanes of a group read one index and one value at once: a sector each, which is in L1 "
                           "for the next seven entries",
                 .call = [k](Device& d) {
                   gather_rows<float>(d.gpu(), sparse_x(d), {}, d.factor(k, kX.length), d.factor(k, kX.count), nullptr);
                 }});
  }
  // Segments that are shared in parts: their sums are written, and read by the last.
  static constexpr Entries kLong{2, 2 * kLongSegment, 2 * kLongSegment};
  static constexpr int kParts = 4;
  constexpr auto kEntries = static_cast<double>(kLong.size());
  t.push_back({.kernel = "sparse_product: gather<32, 1, float>",
               .read = kEntries * (4 + 4 + 4 * kRank),
               .written = 4 * 2 * kRank,
               .again = kEntries * 2 * (kSector - 4) + kParts * (4 * kRank + 8 * kSector),
               .again_to = 4.0 * kParts * kRank,
               .reason = "index and value as before; sums of the parts of long segments",
               .call = [](Device& d) {
                 const LongSegments parts{kParts, d.array<std::int32_t>(kParts, [](std::int64_t p) { return p / 2; }),
                                          d.array<std::int32_t>(kParts, [](std::int64_t p) { return p / 2 * 2; }),
                                          d.zeros<unsigned>(kParts)};
                 gather_rows<float>(d.gpu(), sparse_x(d, kLong), parts, d.factor(kRank, kLong.length),
                                    d.factor(kRank, kLong.count), d.zeros<float>(kParts * kRank));
               }});
  return t;
}

// Calls add(name in the table, an element) for each narrow type of X.
template <class Add>
void for_each_narrow_type(Add&& add) {
  add(std::string("unsigned char"), std::uint8_t{});
  add(std::string("Fp16"), Fp16{});
  add(std::string("Bf16"), Bf16{});
}

template <class S>
S* x_of(Device& d) {
  return d.array<S>(kCount * kLength, [](std::int64_t) { return S{}; });
}

// Which entries of it count: all, or with a weight for each.
core::Observed<float> observed_x(Device& d, bool weighted) {
  if (!weighted) return {};
  return {Missing::none, d.array<float>(kCount * kLength, [](std::int64_t i) { return i % 3; }), kLength};
}

std::vector<Bound> narrow_product_bounds() {
  std::vector<Bound> t;
  // Few columns and a long sum, which several blocks share: 8 in all for 4 multiprocessors.
  constexpr std::int64_t kFew = 32, kLong = kCount * kLength / kFew;
  constexpr double kBlocks = 8, kParts = kBlocks * 8 * 32 * 64;
  constexpr double kX_entries = 1.0 * kCount * kLength;
  for_each_narrow_type([&](const std::string& type, auto element) {
    using S = decltype(element);
    for (bool from_lines : {true, false}) {
      const std::int64_t terms = from_lines ? kCount : kLength, columns = from_lines ? kLength : kCount;
      const auto f = 4.0 * kRank * static_cast<double>(terms), r = 4.0 * kRank * static_cast<double>(columns);
      const auto tiles = static_cast<double>(columns) / 32;
      const std::string kernel = std::string("narrow_product: product<") + (from_lines ? "true, " : "false, ") + type;
      t.push_back({.kernel = kernel + ", float>",
                   .read = kX_entries * sizeof(S) + f,
                   .written = r,
                   .again = (tiles - 1) * f,
                   .again_to = 3 * r,
                   .reason = "every block reads the factor, from L2; a thread writes four components, a sector's half, "
                             "one after another",
                   .barriers = tiles * 2 * static_cast<double>(terms) / 32,
                   .call = [=](Device& d) {
                     narrow_product<S, float>(d.gpu(), from_lines, x_of<S>(d), kLength, d.factor(kRank, terms),
                                              d.factor(kRank, columns));
                   }});
    }
    t.push_back({.kernel = "narrow_product: product<false, " + type + ", float>",
                 .read = kX_entries * sizeof(S) + 4.0 * kRank * kLong,
                 .written = 4.0 * kRank * kFew,
                 .again = kParts / 2,
                 .again_to = kParts + 3 * 4.0 * kRank * kFew,
                 .reason = "sums of blocks, of which those of absent components are not read",
                 .barriers = 2.0 * kLong / 32 + 2 * kBlocks,
                 .call = [=](Device& d) {
                   narrow_product<S, float>(d.gpu(), false, x_of<S>(d), kLong, d.factor(kRank, kLong),
                                            d.factor(kRank, kFew));
                 }});
  });
  return t;
}

// One exchange of the whole passive set, by Cholesky. What is read again is in L2.
std::vector<Bound> nnls_bounds() {
  struct Case {
    int place, rank;
    double grams, triangles, triangles_written, barriers;  // for each problem: how often
    int ways;
    const char* reason;
  };
  constexpr std::int64_t kProblems = 32;
  std::vector<Bound> t;
  for (const Case& c :
       {Case{
            0, 32, 2.2, 0, 0, 1, 5,
            "the Gram matrix for each pair of warps, and twice for each gradient; lanes walk down the rows of a packed "
            "triangle"},
        Case{1, 80, 2.6, 0, 0, 460, 2, "the Gram matrix for the passive block, and twice for each gradient"},
        Case{2, 160, 2.6, 290, 13.3, 980, 3,
             "every column of the Cholesky factor, which is in global memory, reads those before it"}}) {
    const int k = c.rank;
    const double gram = 4.0 * k * k, triangle = 8.0 * k * (k + 1) / 2, column = 4.0 * k;
    t.push_back({.kernel = "nnls: solve<(Place)" + std::to_string(c.place) + ", float>",
                 .read = gram + 2 * column * kProblems,
                 .written = column * kProblems,
                 .again = (c.grams * gram + c.triangles * triangle) * kProblems,
                 .again_to = c.triangles_written * triangle * kProblems,
                 .reason = c.reason,
                 .barriers = c.barriers * kProblems,
                 .ways = c.ways,
                 .call = [k](Device& d) {
                   const core::Gram<const float> g{
                       d.array<float>(k * k, [k](std::int64_t i) { return i / k == i % k ? 4 : 1; }), k};
                   solve_nnls<float>(d.gpu(), d.factor(k, kProblems), {g, d.factor(k, kProblems)}, {}, nullptr);
                 }});
  }
  return t;
}

// Kernels that run at checks and in starts.
std::vector<Bound> loss_bounds() {
  constexpr double kX_entries = 1.0 * kCount * kLength, kW = 4.0 * kRank * kCount, kH = 4.0 * kRank * kLength;
  constexpr double kTiles = kCount / 16.0 * kLength / 32;
  const auto nonzeros = static_cast<double>(kX.size()), segments = static_cast<double>(kX.count);
  const double steps = std::log2(segments), warps = nonzeros / 4;
  std::vector<Bound> t;
  const auto add_dense = [&](const std::string& loss, double bytes, auto&& call) {
    t.push_back({.kernel = "residual: dense<" + loss + ", float>",
                 .read = kX_entries * bytes + kW + kH,
                 .written = 0,
                 .again = kTiles * (16 + 32) * kRank * 4 - kW - kH + 8 * kTiles,
                 .again_to = kTiles * kSector,
                 .reason = "tiles of 16 x 32 read their columns of both factors, from L2: 2 rank multiply-adds in "
                           "double for each entry of X take longer; sums of blocks",
                 .barriers = kTiles * 2 * kRank / 16 + of_sums(kTiles),
                 .call = [call](Device& d) {
                   call(d, d.factor(kRank, kCount), d.factor(kRank, kLength), d.zeros<double>(1));
                 }});
  };
  using Columns = Factor<const float>;
  const auto of_type = [&](const std::string& type, auto element) {
    using S = decltype(element);
    add_dense("SquaredLoss<" + type + ">", sizeof(S), [](Device& d, Columns w, Columns h, double* out) {
      dense_squared_loss(d.gpu(), x_of<S>(d), kLength, w, h, out);
    });
    add_dense("ObservedLoss<float>", sizeof(S), [](Device& d, Columns w, Columns h, double* out) {
      dense_divergence(d.gpu(), x_of<S>(d), kLength, observed_x(d, false), w, h, {0.5}, out);
    });
    add_dense("ObservedLoss<float>", sizeof(S) + 4, [](Device& d, Columns w, Columns h, double* out) {
      dense_divergence(d.gpu(), x_of<S>(d), kLength, observed_x(d, true), w, h, {0.5, 0, false}, out);
    });
  };
  of_type("float", float{});
  for_each_narrow_type(of_type);
  for (const std::string entries : {"SquaredEntries", "KullbackLeiblerEntries", "StoredEntries"}) {
    const int arrays = entries == "StoredEntries" ? 3 : 2;  // indices, values, weights
    t.push_back({.kernel = "residual: sparse<" + entries + ", float>",
                 .read = nonzeros * (4 * arrays + 4 * kRank) + segments * (8 + 4 * kRank),
                 .written = 0,
                 .again = warps * kSector * steps + (warps - segments) * 4 * kRank + warps * (kSector - 16) * arrays,
                 .again_to = nonzeros / 64 * kSector,
                 .reason = "a search for its segment by every entry, and its column of W, from L1; sums of blocks",
                 .barriers = of_sums(nonzeros / 64),
                 .call = [entries](Device& d) {
                   const Factor<const float> w = d.factor(kRank, kX.count), h = d.factor(kRank, kX.length);
                   auto *const rest = d.zeros<double>(1), *const out = d.zeros<double>(1);
                   if (entries == "SquaredEntries") {
                     sparse_squared_loss(d.gpu(), sparse_x(d), w, h, rest, out);
                   } else if (entries == "KullbackLeiblerEntries") {
                     sparse_kullback_leibler(d.gpu(), sparse_x(d), w, h, 1e-12, rest, out);
                   } else {
                     sparse_divergence(d.gpu(), weighted_x(d), w, h, {0.5, 0, false}, out);
                   }
                 }});
  }
  return t;
}

std::vector<Bound> factor_bounds() {
  constexpr double kF = 4.0 * kRank * kCount, kEntries = kRank * kCount;
  std::vector<Bound> t = {
      {.kernel = "elementwise: constant<float>",
       .read = 0,
       .written = kF,
       .call = [](Device& d) { fill_constant(d.gpu(), d.factor(kRank, kCount), 1.0F); }},
      {.kernel = "elementwise: uniform_numbers<float>",
       .read = 0,
       .written = kF,
       .call = [](Device& d) { fill_random(d.gpu(), d.factor(kRank, kCount), 1, Side::w, 1.0F); }},
      {.kernel = "elementwise: parts<float>",
       .read = kF + 8 * kRank,
       .written = kF,
       .again = 8 * kEntries,
       .reason = "every entry reads the scale of its component, from L1",
       .call =
           [](Device& d) {
             take_nonnegative_parts<float>(d.gpu(), d.factor(kRank, kCount), d.factor<double>(kRank, 1).data, 0, 0,
                                           false, 1, Side::w, d.factor(kRank, kCount));
           }},
      {.kernel = "elementwise: extrapolated<float>",
       .read = 2 * kF,
       .written = 2 * kF,
       .call =
           [](Device& d) {
             core::Momentum accepted;
             accepted.accepted = 1;
             accepted.weight = 0.5;
             extrapolate_factor<float>(d.gpu(), d.factor(kRank, kCount), d.factor(kRank, kCount),
                                       d.array<core::Momentum>(1, [&](std::int64_t) { return accepted; }));
           }},
      {.kernel = "elementwise: transposed<float>",
       .read = kF,
       .written = kF,
       .barriers = 2 * kEntries / 1024,
       .call =
           [](Device& d) {
             transpose<float>(d.gpu(), d.factor(static_cast<int>(kCount), kRank), d.factor(kRank, kCount));
           }},
      {.kernel = "small_product: small_product<float>",
       .read = kF + 8 * kRank * kRank,
       .written = kF,
       .again = kCount / 8 * 8 * kRank * kRank,
       .reason = "a thread reads a row of the matrix for eight columns at a time, from L1",
       .barriers = 2 * kCount / 16,
       .call =
           [](Device& d) { multiply_in_place(d.gpu(), d.factor<double>(kRank, kRank).data, d.factor(kRank, kCount)); }},
      {.kernel = "sums: dot_products<float>",
       .read = 2 * kF,
       .written = 0,
       .again = kEntries / 256 * 8,
       .again_to = kEntries / 256 * kSector,
       .reason = "sums of blocks",
       .barriers = of_sums(kEntries / 256),
       .call =
           [](Device& d) {
             dot_product<float>(d.gpu(), d.factor(kRank, kCount), d.factor(kRank, kCount), d.zeros<double>(1));
           }},
      {.kernel = "sums: penalties<float>",
       .read = kF,
       .written = 0,
       .again = kEntries / 256 * 8,
       .again_to = kEntries / 256 * kSector,
       .reason = "sums of blocks",
       .barriers = of_sums(kEntries / 256),
       .call =
           [](Device& d) {
             penalty_sum<float>(d.gpu(), d.factor(kRank, kCount), {1, 1}, d.zeros<double>(1));
           }},
  };
  const auto add_pairs = [&](Pairs pairs, const std::string& type, auto element) {
    using Out = decltype(element);
    t.push_back(
        {.kernel = "sums: pairs_of_sums<(Pairs)" + std::to_string(static_cast<int>(pairs)) + ", float, " + type + ">",
         .read = kF,
         .written = 2 * sizeof(Out) * kRank,
         .again = kCount / 64 * 8 * 64,
         .again_to = kCount / 64 * 8 * 64,
         .reason = "sums of blocks",
         .barriers = kCount / 64 * 3,
         .call = [pairs](Device& d) {
           component_pairs<float>(d.gpu(), pairs, d.factor(kRank, kCount), d.zeros<Out>(kRank), d.zeros<Out>(kRank));
         }});
  };
  for (Pairs pairs : {Pairs::sum_and_squares, Pairs::squares_by_sign}) {
    add_pairs(pairs, "float", float{});
    add_pairs(pairs, "double", double{});
  }
  return t;
}

// Kernels that run when X is made ready.
std::vector<Bound> matrix_bounds() {
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
             count_parts(d.gpu(), kX.count, sparse_x(d).offsets, kLongSegment, d.zeros<std::int64_t>(kX.count + 1));
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
    t.push_back({.kernel = std::string("convert: numbers<") + type + ">",
                 .read = nonzeros * sizeof(Index),
                 .written = nonzeros * (4 + 8),
                 .call = [](Device& d) {
                   number_entries(d.gpu(), kX.size(), d.zeros<Index>(kX.size()), d.zeros<std::int32_t>(kX.size()),
                                  d.zeros<std::int64_t>(kX.size()));
                 }});
  };
  sparse_survey("int", std::int32_t{});
  sparse_survey("long", std::int64_t{});
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

std::vector<Bound> divergence_bounds() {
  std::vector<Bound> t;
  constexpr double kX_bytes = 4.0 * kCount * kLength;
  const auto dense_terms = [](Device& d, int k, bool of_lines, double beta, bool weighted = false) {
    const std::int64_t own = of_lines ? kCount : kLength, other = of_lines ? kLength : kCount;
    const core::Divergence divergence{beta, 0, !weighted};
    dense_divergence_terms<float, float>(
        d.gpu(), x_of<float>(d), kLength, observed_x(d, weighted), of_lines, d.factor(k, own), d.factor(k, other),
        divergence, d.factor(k, own), divergence.has_closed_denominator() ? Factor<float>{} : d.factor(k, own),
        d.zeros<float>(dense_partial_sums(d.gpu(), own, other, k, divergence, sizeof(float))));
  };
  constexpr double kParts = 2;  // of the walks for the places, which are few
  for (auto [denominator, weighted] : {std::pair{false, false}, {true, false}, {true, true}}) {
    for (int k : {16, 32, 64, 128}) {
      for (bool of_lines : {true, false}) {
        const double parts = of_lines ? 1 : kParts, results = denominator ? 2 : 1;
        const double own_columns = of_lines ? kCount : kLength, other_columns = of_lines ? kLength : kCount;
        const double own = 4 * k * own_columns, other = 4 * k * other_columns, tiles = own_columns / 32;
        const auto add = [&, weighted = weighted, denominator = denominator](const std::string& kernel, MathMode math,
                                                                             double barriers) {
          t.push_back({.kernel = kernel,
                       .read = (weighted ? 2 : 1) * kX_bytes + own + other,
                       .written = results * own,
                       .again = (parts - 1) * own + (tiles - 1) * other,
                       .again_to = (parts - 1) * results * own,
                       .reason =
                           "every block reads the other factor, from L2: 4 rank multiply-adds for each entry of X "
                           "take longer; sums of the parts of a walk",
                       .barriers = tiles * barriers,
                       .math = math,
                       .call = [=](Device& d) { dense_terms(d, k, of_lines, denominator ? 0.5 : 1, weighted); }});
        };
        const std::string shape = std::to_string(k) + (denominator ? ", true" : ", false");
        add("divergence_dense: terms<" + shape + ", float>", MathMode::strict,
            3 * other_columns / 32 + 2 * parts * results);
        for (auto [tiles_of, math] : {std::pair{"Tf32Tiles", MathMode::tf32}, {"Bf16Tiles", MathMode::bf16}})
          add(std::string("divergence_tensor: terms<") + tiles_of + ", " + shape + ">", math, 2 * other_columns / 32);
      }
    }
  }
  t.push_back({.kernel = "divergence_dense: sum_parts<float>",
               .read = kParts * 4 * kRank * kLength,
               .written = 4.0 * kRank * kLength,
               .call = [=](Device& d) { dense_terms(d, kRank, false, 1); }});
  const auto nonzeros = static_cast<double>(kX.size()), segments = static_cast<double>(kX.count);
  for (auto [results, weighted] : {std::pair{1, false}, {2, false}, {2, true}}) {
    for (int k : {8, 16, 32, 64, 128}) {
      const int of_entry = weighted ? 3 : 2;  // numbers: index, value, weight
      const int lanes = std::min(k, 32), own = k / lanes;
      t.push_back(
          {.kernel = "divergence_sparse: terms<" + std::to_string(lanes) + ", " + std::to_string(own) + ", " +
                     std::to_string(results) + ", float>",
           .read = segments * (8 + 4 * k) + nonzeros * (4 * of_entry + 4.0 * k),
           .written = results * 4 * segments * k,
           .again = nonzeros * (kSector - 4 + (of_entry - 1) * (kSector - 16) / 4) +
                    segments * 2 * (kSector * lanes / 32 - 4),
           .reason = "the lanes of a group read one index and four values (and weights) at once: a sector each, "
                     "which is in L1 for the entries after",
           .call = [=, weighted = weighted, results = results](Device& d) {
             sparse_divergence_terms<float>(d.gpu(), weighted ? weighted_x(d) : sparse_x(d), {}, d.factor(k, kX.count),
                                            d.factor(k, kX.length), {results == 1 ? 1 : 0.5}, d.factor(k, kX.count),
                                            results == 1 ? Factor<float>{} : d.factor(k, kX.count), nullptr);
           }});
    }
  }
  constexpr double kF = 4.0 * kRank * kCount, kBlocks = kCount / 2.0;
  t.push_back({.kernel = "ratio_update: update<float>",
               .read = 3 * kF,
               .written = kF,
               .again = kF + kBlocks * 16,
               .again_to = kBlocks * 2 * kSector,
               .reason = "the largest entry of a column is found first; sums of blocks",
               .barriers = of_sums(kBlocks),
               .call = [](Device& d) {
                 update_by_ratio<float>(d.gpu(), d.factor(kRank, kCount),
                                        {{}, d.factor(kRank, kCount), d.factor(kRank, kCount)}, {}, 0.5,
                                        d.zeros<core::KktSums>(1));
               }});
  constexpr const char* kAgain =
      "the fixed factor's components are read three times for each column, from L2; what is kept of a column in global "
      "memory is read, and the fits written, for each component; the sums and the column itself are read and written "
      "one number at a time";
  constexpr std::int64_t kFar = 12800, kFew = 4;  // columns too long for shared memory
  constexpr double kColumn = 4.0 * kLength;
  const struct {
    const char* step;
    double beta;
    bool weighted;
  } steps[] = {{"KullbackLeiblerStep<false, float>", 1, false},
               {"KullbackLeiblerStep<true, float>", 1, true},
               {"SquaredStep<float>", 2, true}};
  constexpr double kSegment = 4.0 * kX.per_segment;
  for (const auto& [step, beta, weighted] : steps) {
    const auto descent = [beta = beta, weighted = weighted](Device& d) {
      return Descent<float>{d.factor(kRank, 1).data, {}, 1, {beta, 1e-12, !weighted}};
    };
    const double arrays = weighted ? 2 : 1;  // values, and weights beside them
    constexpr double kOfColumn = (kLength / 32.0 + 2) * kSector;
    t.push_back({.kernel = std::string("coordinate_descent: dense<true, ") + step + ", float>",
                 .read = arrays * kX_bytes + kF + 4.0 * kRank * kLength,
                 .written = kF,
                 .again = kCount * kRank * (3 * kColumn + kOfColumn),
                 .again_to = kCount * kRank * kSector,
                 .reason = kAgain,
                 .barriers = 2.0 * kCount * (kRank + weighted),
                 .call = [descent, weighted = weighted](Device& d) {
                   descend_dense<float, float>(d.gpu(), x_of<float>(d), kLength, observed_x(d, weighted), true,
                                               d.factor(kRank, kCount), d.factor(static_cast<int>(kLength), kRank),
                                               descent(d), nullptr);
                 }});
    constexpr double kLongColumn = 4.0 * kFar, kOfLongColumn = (kFar / 32.0 + 2) * kSector;
    t.push_back({.kernel = std::string("coordinate_descent: dense<false, ") + step + ", float>",
                 .read = kFew * arrays * kLongColumn + 4.0 * kRank * (kFew + kFar),
                 .written = 4.0 * kRank * kFew,
                 .again = kFew * kRank * ((5 + arrays) * kLongColumn + kOfLongColumn),
                 .again_to = kFew * (kRank * kSector + (kRank + 1) * kLongColumn),
                 .reason = kAgain,
                 .barriers = 2.0 * kFew * (kRank + weighted),
                 .call = [descent, weighted = weighted](Device& d) {
                   core::Observed<float> observed = observed_x(d, weighted);
                   observed.ld = kFar;
                   descend_dense<float, float>(
                       d.gpu(), x_of<float>(d), kFar, observed, true, d.factor(kRank, kFew),
                       d.factor(static_cast<int>(kFar), kRank), descent(d),
                       d.zeros<float>(dense_descent_scratch(d.gpu(), kRank, kFew, kFar, true, !weighted, 4)));
                 }});
    constexpr double kStages = kRank / 8.0, kStage = kX.per_segment * (1 + 1 / 4.0) * kSector;
    t.push_back({.kernel = std::string("coordinate_descent: sparse<") + step + ", float>",
                 .read = segments * (8 + 4 * kRank) + nonzeros * (4 + 4 * arrays + 4 * kRank),
                 .written = 4 * segments * kRank,
                 .again = segments * (kRank * ((2 + arrays) * kSegment + 3 * kSector) +
                                      kStages * (2 * kStage + kSegment) - kX.per_segment * 4.0 * kRank),
                 .again_to = segments * (kRank * kSector + (kRank + kStages) * kSegment),
                 .reason =
                     "the fixed factor's columns are read for the fits and for a sweep, a sector of each entry at "
                     "a time; the rest as for dense X",
                 .barriers = 2.0 * segments * (kRank + 2 * kStages + weighted),
                 .call = [descent, weighted = weighted](Device& d) {
                   descend_sparse<float>(d.gpu(), weighted ? weighted_x(d) : sparse_x(d), {}, d.factor(kRank, kX.count),
                                         d.factor(kRank, kX.length), descent(d), d.zeros<float>(kX.size()));
                 }});
  }
  return t;
}

/// The table: every kernel that has more than one thread, at least in float.
std::vector<Bound> table() {
  std::vector<Bound> all;
  for (auto& part : {gram_bounds(), update_bounds(), sparse_product_bounds(), narrow_product_bounds(), nnls_bounds(),
                     loss_bounds(), divergence_bounds(), factor_bounds(), matrix_bounds()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

// As resources.tsv names it, but for the file.
std::string short_name(std::string name) {
  for (const std::string drop : {"orthant::cuda::", "(anonymous namespace)::"}) {
    for (std::size_t at = 0; (at = name.find(drop, at)) != std::string::npos;) name.erase(at, drop.size());
  }
  return name;
}

TEST(Traffic, IsNearTheLeast) {
  std::printf("bytes of global memory, in sectors\n%-40s %9s %9s %6s %9s %9s %6s %5s %9s\n", "kernel", "read", "least",
              "ratio", "written", "least", "ratio", "ways", "barriers");
  for (const Bound& bound : table()) {
    SCOPED_TRACE(bound.kernel);
    simt::Traffic found;
    {
      Device device(bound.math);
      simt::reset_traffic();
      bound.call(device);
      device.gpu().synchronize();
      EXPECT_EQ(simt::take_report(), "");
      const std::string name = bound.kernel.substr(bound.kernel.find(": ") + 2);
      for (const auto& [kernel, traffic] : simt::traffic()) {
        if (short_name(kernel) == name) found += traffic;
      }
    }
    ASSERT_EQ(found.launches, 1);
    const double read = kSector * static_cast<double>(found.sectors_read);
    const double written = kSector * static_cast<double>(found.sectors_written);
    const auto ratio = [](double got, double least) { return least > 0 ? got / least : 0.0; };
    std::printf("%-40s %9.0f %9.0f %6.2f %9.0f %9.0f %6.2f %5ld %9ld  %s\n", bound.kernel.c_str(), read, bound.read,
                ratio(read, bound.read), written, bound.written, ratio(written, bound.written), found.conflict_ways,
                found.barriers, bound.reason);
    EXPECT_LE(read, kMargin * (bound.read + bound.again));
    EXPECT_LE(written, kMargin * (bound.written + bound.again_to));
    EXPECT_GE(read, bound.read) << "the least is wrong";
    EXPECT_GE(written, bound.written) << "the least is wrong";
    EXPECT_LE(found.conflict_ways, bound.ways);
    EXPECT_LE(static_cast<double>(found.barriers), bound.barriers);
  }
}

// Where a kernel is bounded in float only, that stands for double: twice as much at the same places.
TEST(Traffic, IsBoundedForEveryKernel) {
  std::set<std::string> bounded;
  for (const Bound& bound : table()) bounded.insert(bound.kernel);
  std::ifstream file(ORTHANT_RESOURCES);
  std::string line;
  ASSERT_TRUE(std::getline(file, line));  // the titles
  int kernels = 0;
  while (std::getline(file, line)) {
    std::istringstream fields(line);
    std::string kernel, architecture, threads;
    std::getline(std::getline(std::getline(fields, kernel, '\t'), architecture, '\t'), threads, '\t');
    if (threads == "1") continue;
    if (bounded.count(kernel) == 0)
      for (std::size_t at = 0; (at = kernel.find("double", at)) != std::string::npos;) kernel.replace(at, 6, "float");
    EXPECT_EQ(bounded.count(kernel), 1u) << kernel;
    ++kernels;
  }
  EXPECT_GT(kernels, 0);
}

}  // namespace
}  // namespace orthant::cuda
