#pragma once

#include <cstdint>

#include "cuda/gpu.hpp"
#include "host/core/factor.hpp"
#include "host/core/momentum.hpp"

namespace orthant::cuda {

template <class T>
void fill_constant(const Gpu&, core::Factor<T> f, T value);
template <class T>
void fill_random(const Gpu&, core::Factor<T> f, std::uint64_t seed, core::Side side, T scale);

/// Backend::extrapolate.
template <class T>
void extrapolate_factor(const Gpu&, core::Factor<T> point, core::Factor<T> iterate, const core::Momentum* momentum);

/// Lines of numbers, `ld` apart: a factor has one for each of its columns, but here either side may be long.
template <class T>
struct Lines {
  T* data;
  std::int64_t length, count, ld;

  Lines(T* numbers, std::int64_t length_of_each, std::int64_t lines, std::int64_t apart)
      : data(numbers), length(length_of_each), count(lines), ld(apart) {}
  template <class U>
  Lines(core::Factor<U> f) : data(f.data), length(f.rank), count(f.count), ld(f.ld) {}
};

/// to(c, j) = from(j, c), c being the place in a line of `to` and the line of `from`.
template <class T>
void transpose(const Gpu&, Lines<const T> from, Lines<T> to);

/// Backend::take_parts, `scale` being in device memory.
template <class T>
void take_nonnegative_parts(const Gpu&, core::Factor<const T> f, const double* scale, T threshold, T fill,
                            bool random_fill, std::uint64_t seed, core::Side side, core::Factor<T> out);

}  // namespace orthant::cuda
