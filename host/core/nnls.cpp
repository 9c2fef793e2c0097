#include <cmath>
#include <optional>
#include <vector>

#include "host/core/border.hpp"
#include "host/core/runtime.hpp"
#include "host/core/validate.hpp"
#include "orthant/factorize.hpp"

namespace orthant {
namespace {

using core::text;

void check_size(const char* name, std::int64_t value, std::int64_t expected) {
  if (value != expected) throw InvalidArgument(name, text(value), text(expected));
}

[[noreturn]] void refuse(const char* name, std::int64_t i, std::int64_t j, double value, const std::string& expected) {
  throw InvalidArgument(std::string(name) + "(" + text(i) + ", " + text(j) + ")", text(value), expected);
}

// Reads the view into rank x count numbers, component fastest, in host memory.
template <class T>
std::vector<T> read(const core::Backend<T>& backend, core::Factor<const T> f) {
  std::vector<T> values(static_cast<std::size_t>(f.rank * f.count));
  backend.copy_out(f, column_major(values.data(), f.rank, f.count));
  return values;
}

// In the backend's memory: G, checked, and symmetric to the last bit.
template <class T>
core::Buffer<T> checked_gram(const core::Backend<T>& backend, DenseView<const T> view) {
  const std::int64_t k = view.rows;
  core::Buffer<T> gram(backend.memory(), k * k);
  const core::Factor<T> f{gram.data(), static_cast<int>(k), k, k};
  backend.copy_in(view, f);
  std::vector<T> g = read<T>(backend, f);
  const auto at = [&](std::int64_t i, std::int64_t j) -> T& { return g[static_cast<std::size_t>(i + j * k)]; };
  double largest = 0;
  for (std::int64_t i = 0; i < k; ++i) {
    for (std::int64_t j = 0; j < k; ++j) {
      const auto value = static_cast<double>(at(i, j));
      if (!std::isfinite(value)) refuse("gram", i, j, value, "a finite number");
      largest = std::max(largest, std::abs(value));
    }
  }
  for (std::int64_t i = 0; i < k; ++i) {
    for (std::int64_t j = 0; j < i; ++j) {
      const auto below = static_cast<double>(at(i, j)), above = static_cast<double>(at(j, i));
      if (std::abs(below - above) > 1e-5 * largest) {
        refuse("gram", i, j, below, "gram(" + text(j) + ", " + text(i) + ") = " + text(above) + " (symmetric)");
      }
      at(i, j) = at(j, i) = static_cast<T>((below + above) / 2);
    }
  }
  backend.copy_in(column_major(std::as_const(g).data(), k, k), f);
  return gram;
}

// By the sums of the components, which tell without the host's looking at each number.
template <class T>
void check_finite(const core::Backend<T>& backend, core::Factor<const T> r) {
  std::vector<double> sums(static_cast<std::size_t>(r.rank));
  const core::Buffer<double> memory(backend.memory(), 2 * static_cast<std::int64_t>(r.rank));
  backend.component_sums(r, memory.data(), memory.data() + r.rank);
  backend.read(memory.data(), r.rank * static_cast<std::int64_t>(sizeof(double)), sums.data());
  if (std::all_of(sums.begin(), sums.end(), [](double sum) { return std::isfinite(sum); })) return;
  const std::vector<T> values = read(backend, r);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto k = static_cast<std::size_t>(r.rank);
    if (!std::isfinite(values[i])) {
      refuse("products", static_cast<std::int64_t>(i % k), static_cast<std::int64_t>(i / k),
             static_cast<double>(values[i]), "a finite number");
    }
  }
}

}  // namespace

template <class T>
NnlsResult nnls(const Context& context, DenseView<const T> gram, DenseView<const T> products, DenseView<T> solution) {
  const core::Runtime& runtime = *context.runtime();
  const core::Backend<T>& backend = runtime.backend(T{});
  core::check_view<T>("gram", gram, runtime);
  core::check_view<T>("products", products, runtime);
  core::check_view<T>("solution", solution, runtime);
  const std::int64_t k = gram.rows;
  check_size("gram.columns", gram.columns, k);
  check_size("products.rows", products.rows, k);
  check_size("solution.rows", solution.rows, k);
  check_size("solution.columns", solution.columns, products.columns);
  if (solution.data == products.data) {
    throw InvalidArgument("solution.data", "the memory of products", "memory of its own: products are read throughout");
  }
  if (k > runtime.max_rank()) throw InvalidArgument("gram.rows", text(k), "1 to " + std::to_string(runtime.max_rank()));
  const core::Buffer<T> g = checked_gram(backend, gram);
  // Only read.
  const core::Border<T> r(runtime, {const_cast<T*>(products.data), products.rows, products.columns, products.ld,
                                    products.layout, products.space});
  r.load();
  check_finite<T>(backend, r.factor());
  const core::Border<T> x(runtime, solution);
  backend.fill(x.factor(), T(0));
  const core::Buffer<NnlsResult> result(backend.memory(), 1);
  const int rank = static_cast<int>(k);
  const core::Buffer<double> scratch(backend.memory(), backend.nnls_scratch(rank, products.columns));
  backend.nnls(x.factor(), {{g.data(), rank}, r.factor()}, {}, nullptr, result.data(), scratch.data());
  x.store();
  NnlsResult told;
  backend.read(result.data(), sizeof told, &told);
  return told;
}

template NnlsResult nnls(const Context&, DenseView<const float>, DenseView<const float>, DenseView<float>);
template NnlsResult nnls(const Context&, DenseView<const double>, DenseView<const double>, DenseView<double>);

}  // namespace orthant
