#pragma once

#include <optional>
#include <string>

#include "host/core/runtime.hpp"
#include "orthant/error.hpp"
#include "orthant/factorize.hpp"

namespace orthant::core {

/// A number as an error message shows it.
std::string text(double value);
std::string text(std::int64_t value);

/// Throws InvalidArgument that begins with `name` unless the view has memory of a valid shape that the backend can use.
template <class T>
void check_view(const std::string& name, DenseView<const T> view, const Runtime& runtime);

/// Backend::find_invalid for a view in host memory.
template <class T>
std::optional<BadEntry> find_invalid_on_host(DenseView<const T> view);

/// Throws unless every entry is finite and not negative.
template <class T>
void check_factor_values(const std::string& name, DenseView<const T> view, const Backend<T>& backend);

/// Throws unless sizes and pointers are those of a matrix that the backend can use. Offsets and entries are checked by
/// the backend, in its own memory; what it finds wrong it refuses by the functions below.
template <class T>
void check_sparse(const AnySparseView<T>& x, const Runtime& runtime);

/// Throws for row_offsets[i], which comes after `before`.
[[noreturn]] void refuse_offset(std::int64_t i, std::int64_t offset, std::int64_t before, std::int64_t nonzeros);
/// Throws for entry p, in this row, of this column and value.
[[noreturn]] void refuse_entry(std::int64_t columns, std::int64_t row, std::int64_t p, std::int64_t column,
                               double value);
/// Throws for entry p of coordinates, at (row, column); the weight is 1 where there are none.
[[noreturn]] void refuse_entry_at(std::int64_t rows, std::int64_t columns, std::int64_t p, std::int64_t row,
                                  std::int64_t column, double value, double weight);

/// Throw for an entry of X that is not a number an entry may be, for such a weight, and for a weighted entry that is
/// stored more than once.
[[noreturn]] void refuse_value(std::int64_t row, std::int64_t column, double value);
[[noreturn]] void refuse_weight(std::int64_t row, std::int64_t column, double value);
[[noreturn]] void refuse_repeated(std::int64_t row, std::int64_t column);

/// Throws for combinations that no X can have.
void check_matrix_options(const MatrixOptions& options, bool sparse, bool weighted);

/// Throws unless the weights lie as X does.
template <class T>
void check_weights(DenseView<const T> x, DenseView<const T> weights, const Runtime& runtime);

/// Throws for MatrixOptions::storage, which `context` (in words) does not have.
[[noreturn]] void refuse_storage(Storage storage, const std::string& context);

/// Throws unless the backend takes this rank.
void check_rank(std::int64_t rank, const Runtime& runtime);

/// Throws unless every option is in its range and the combination is possible.
void check_options(const Options& options, const MatrixShape& shape, std::int64_t rank, const Runtime& runtime);

/// Throws unless this loss can be computed of X. Called after check_options, whose checks of the shape it repeats for
/// functions without options.
template <class T>
void check_loss(Loss loss, const DataMatrix<T>& x);

}  // namespace orthant::core
