#include "host/cli/factor_files.hpp"

#include <limits>

#include "host/cli/errors.hpp"

namespace orthant::cli {
namespace {

template <class T>
[[noreturn]] void refuse_shape(const std::string& path, const FactorData<T>& f, const std::string& expected) {
  throw FileError(path + " is " + std::to_string(f.rows) + " x " + std::to_string(f.columns) + ", expected " +
                  expected);
}

// The rank that a file has must be the one that is known by now.
void settle_rank(int& rank, std::int64_t found, const std::string& path) {
  if (rank != 0 && found != rank)
    throw UsageError("--rank is " + std::to_string(rank) + ", but " + path + " has " + std::to_string(found) +
                     " components");
  if (found < 1 || found > std::numeric_limits<int>::max())
    throw FileError(path + " has " + std::to_string(found) + " components, expected 1 or more");
  rank = static_cast<int>(found);
}

}  // namespace

template <class T>
Factors<T> read_factors(FactorizeArguments& arguments, std::int64_t m, std::int64_t n) {
  Factors<T> f;
  const std::string& w_path = arguments.transform.empty() ? arguments.w0 : arguments.transform;
  if (!w_path.empty()) {
    f.w = read_factor<T>(w_path);
    if (f.w.rows != m) refuse_shape(w_path, f.w, std::to_string(m) + " rows, as X has");
    settle_rank(arguments.rank, f.w.columns, w_path);
  }
  if (!arguments.h0.empty()) {
    f.h = read_factor<T>(arguments.h0);
    if (f.h.columns != n) refuse_shape(arguments.h0, f.h, std::to_string(n) + " columns, as X has");
    if (!w_path.empty() && f.h.rows != f.w.columns)
      refuse_shape(arguments.h0, f.h, std::to_string(f.w.columns) + " rows, as " + w_path + " has columns");
    settle_rank(arguments.rank, f.h.rows, arguments.h0);
  }
  if (w_path.empty()) f.w = FactorData<T>(m, arguments.rank);
  if (arguments.h0.empty()) f.h = FactorData<T>(arguments.rank, n);
  return f;
}

template Factors<float> read_factors(FactorizeArguments&, std::int64_t, std::int64_t);
template Factors<double> read_factors(FactorizeArguments&, std::int64_t, std::int64_t);

}  // namespace orthant::cli
