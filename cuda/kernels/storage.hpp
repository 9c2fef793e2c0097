#pragma once

#include <cstdint>

#include "cuda/gpu.hpp"
#include "cuda/kernels/element.hpp"
#include "host/core/any_view.hpp"
#include "host/core/observed.hpp"

namespace orthant::cuda {

/// out[line * length + place] = in[line * ld + place], in any element type.
template <class T>
void convert_lines(const Gpu&, core::ElementType type, const void* in, std::int64_t lines, std::int64_t length,
                   std::int64_t ld, T* out);

/// The same for lines from `first` on of `all`, to the nearest elements of a narrower type, and to 0 where entries do
/// not count. Into *first_invalid goes, if it is less, the least number of an entry that has none: in row order, or in
/// column order (`by_place`).
template <class T, class S>
void narrow_lines(const Gpu&, const T* in, std::int64_t ld, const core::Observed<T>&, std::int64_t lines,
                  std::int64_t length, std::int64_t first, std::int64_t all, bool by_place, S* out,
                  unsigned long long* first_invalid);

}  // namespace orthant::cuda
