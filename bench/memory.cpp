#include "bench/memory.hpp"

#include <algorithm>

#include "host/core/buffer.hpp"
#include "host/core/runtime.hpp"

namespace orthant::bench {

template <class T>
std::int64_t peak_memory(const Context& context, const MatrixShape& shape, std::int64_t rank, const Options& options) {
  const std::int64_t size = sizeof(T), index = sizeof(std::int32_t), offset = sizeof(std::int64_t);
  const std::int64_t x = shape.nonzeros < 0 ? shape.rows * shape.columns * size
                                            : shape.nonzeros * (size + index) + (shape.rows + 1) * offset;
  return x + (shape.rows + shape.columns) * rank * size + plan<T>(context, shape, rank, options).peak();
}

std::int64_t memory_budget(const Context& context) {
  std::int64_t free = core::free_memory();
  if (const std::int64_t there = context.runtime()->free_memory(); there >= 0) free = std::min(free, there);
  return free / 2;
}

template std::int64_t peak_memory<float>(const Context&, const MatrixShape&, std::int64_t, const Options&);
template std::int64_t peak_memory<double>(const Context&, const MatrixShape&, std::int64_t, const Options&);

}  // namespace orthant::bench
