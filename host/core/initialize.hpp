#pragma once

#include "host/core/alternate.hpp"

namespace orthant::core {

/// Writes the start that the options name into the factors that are updated; nothing for
/// Initialization::given.
template <class T>
void initialize(const Backend<T>& backend, const DataMatrix<T>& x, const Factors<T>& factors, const Options& options,
                Workspace& workspace);

/// Bytes that initialize() takes and releases.
std::int64_t initialize_bytes(const MatrixShape& shape, int rank, int element_size, const Options& options);

}  // namespace orthant::core
