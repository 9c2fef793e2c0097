#pragma once

// Matrices and scalars that work on a stream reads and writes, and products of them.

#include <cuda_runtime.h>
#include <library_types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace simt {

/// A matrix in device memory: element (i, j) is `i * row_step + j * column_step` elements behind the first.
struct Dense {
  std::string name;  // for reports
  const void* data;
  cudaDataType type;
  std::int64_t rows, columns, row_step, column_step;

  Dense transposed() const { return {name, data, type, columns, rows, column_step, row_step}; }
  Dense moved(std::int64_t elements) const;
  bool empty() const { return rows == 0 || columns == 0; }
};

/// Zero for a type that the substitutes do not know.
std::size_t size_of(cudaDataType type);

/// Whether memory is there when work runs, and aligned to its elements. A fault if not.
bool check_memory(const std::string& name, const void* data, std::int64_t count, std::size_t element_size);
bool check_memory(const Dense& matrix);

/// Whether what is written lies apart from other memory that the same work uses: it may be read before or after it is
/// written. A fault if not.
bool check_apart(const Dense& output, const Dense& other);
bool check_apart(const Dense& output, const std::string& name, const void* data, std::size_t bytes);

/// Whether the pointer would have this alignment on a device, where every allocation has one of 256 bytes.
bool is_aligned_on_device(const void* pointer, std::size_t alignment);

/// alpha or beta: by a pointer of the host read when the call is made, or of the device read when the work runs.
struct Scalar {
  std::string name;
  const void* pointer;
  cudaDataType type;
  bool on_device;
  double value;  // of the host

  /// False, with a report, if the pointer is not of the kind that the pointer mode says.
  bool read_on_host();
  /// In work.
  bool read_on_device();
};

/// What tensor cores make of single precision.
enum class Inputs { kExact, kTf32, kBf16 };

/// Which elements of the result are written.
enum class Part { kAll, kLower, kUpper };

/// The elements in the order of columns.
std::vector<double> read(const Dense& matrix, Inputs inputs = Inputs::kExact);

/// c = alpha a b + beta c. Without regard to what c holds if beta is 0. Sums are in double precision: that the
/// hardware's are not is left to the tolerances of tests.
void multiply(double alpha, const Dense& a, const Dense& b, double beta, const Dense& c, Inputs inputs, Part part);

/// One column of the result: column[i] = alpha sums[i] + beta column[i].
void write_column(double alpha, const std::vector<double>& sums, double beta, const Dense& c, std::int64_t column,
                  Part part);

}  // namespace simt
