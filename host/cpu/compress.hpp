#pragma once

#include <cstdint>

#include "host/core/any_view.hpp"
#include "host/cpu/compressed.hpp"

namespace orthant::cpu {

/// X in compressed rows of one band whose columns rise, checked. Borrowed where x is that already, with indices of 32
/// bits; otherwise a copy, in which entries that are repeated are added up. `weights`, unless null, must be valid too;
/// where they are 0, values may be anything.
/// @throws InvalidArgument naming the first bad entry, in the order given.
template <class T>
Compressed<T> compress_rows(const core::AnySparseView<T>& x, const T* weights, MemoryResource& memory, int threads);

/// The transpose of `in`, which is of one band: `count` segments, its gathered side (in.count) cut into bands. Entries
/// keep their order.
template <class T>
Compressed<T> transpose(const Compressed<T>& in, std::int64_t count, int bands, MemoryResource& memory, int threads);

}  // namespace orthant::cpu
