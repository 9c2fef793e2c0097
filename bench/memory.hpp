#pragma once

#include <cstdint>

#include "orthant/factorize.hpp"

namespace orthant::bench {

/// Bytes that a fit takes in all: X, W and H, and what plan() tells.
/// @throws InvalidArgument as plan()
template <class T>
std::int64_t peak_memory(const Context& context, const MatrixShape& shape, std::int64_t rank, const Options& options);

/// Bytes that a benchmark may take: half of what is free where the Context works, and on the host, which makes X.
std::int64_t memory_budget(const Context& context);

}  // namespace orthant::bench
