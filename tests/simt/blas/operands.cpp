#include "tests/simt/blas/operands.hpp"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <bit>
#include <cmath>

#include "tests/simt/memory.hpp"
#include "tests/simt/rig.hpp"
#include "tests/simt/rounding.hpp"

namespace simt {
namespace {

double to_double(double value, Inputs) { return value; }
double to_double(__half value, Inputs) { return __half2float(value); }
double to_double(__nv_bfloat16 value, Inputs) { return __bfloat162float(value); }
double to_double(float value, Inputs inputs) {
  if (inputs == Inputs::kTf32) return std::bit_cast<float>(tf32_bits(value));
  if (inputs == Inputs::kBf16) return __bfloat162float(__float2bfloat16_rn(value));
  return value;
}

/// Calls `use` with a pointer to elements of the type.
template <class Use>
void with_type(cudaDataType type, const void* data, Use use) {
  if (type == CUDA_R_32F) use(static_cast<const float*>(data));
  if (type == CUDA_R_64F) use(static_cast<const double*>(data));
  if (type == CUDA_R_16F) use(static_cast<const __half*>(data));
  if (type == CUDA_R_16BF) use(static_cast<const __nv_bfloat16*>(data));
}

double read_scalar(cudaDataType type, const void* data) {
  return type == CUDA_R_64F ? *static_cast<const double*>(data) : *static_cast<const float*>(data);
}

/// A matrix by its lines: of so many bytes, each a pitch behind the last.
struct Lines {
  explicit Lines(const Dense& m) : data(reinterpret_cast<std::intptr_t>(m.data)) {
    const auto size = static_cast<std::int64_t>(size_of(m.type));
    const bool by_rows = m.column_step == 1;
    count = m.empty() ? 0 : by_rows ? m.rows : m.columns;
    bytes = (by_rows ? m.columns : m.rows) * size;
    pitch = (by_rows ? m.row_step : m.column_step) * size;
  }

  /// Whether any of the matrix is in memory of `size` bytes from `begin` on.
  bool touch(std::intptr_t begin, std::int64_t size) const {
    const std::int64_t distance = begin - data;
    const std::int64_t first = distance < bytes ? 0 : (distance - bytes) / pitch + 1;  // that ends behind `begin`
    return size > 0 && first < count && first * pitch < distance + size;
  }

  std::intptr_t data;
  std::int64_t count, bytes, pitch;
};

bool is_written(std::int64_t row, std::int64_t column, Part part) {
  return part == Part::kAll || (part == Part::kLower ? row >= column : row <= column);
}

}  // namespace

Dense Dense::moved(std::int64_t elements) const {
  Dense copy = *this;
  copy.data = static_cast<const char*>(data) + elements * static_cast<std::int64_t>(size_of(type));
  return copy;
}

std::size_t size_of(cudaDataType type) {
  switch (type) {
    case CUDA_R_64F:
      return 8;
    case CUDA_R_32F:
      return 4;
    case CUDA_R_16F:
    case CUDA_R_16BF:
      return 2;
    default:
      return 0;
  }
}

bool check_memory(const std::string& name, const void* data, std::int64_t count, std::size_t element_size) {
  if (count <= 0) return true;
  const std::size_t bytes = static_cast<std::size_t>(count) * element_size;
  if (!on_device(data, bytes)) {
    fault(name + " needs " + std::to_string(bytes) + " bytes at " + DeviceMemory::instance().describe(data));
    return false;
  }
  if (reinterpret_cast<std::uintptr_t>(data) % element_size != 0) {
    fault(name + " is not aligned to its elements of " + std::to_string(element_size) + " bytes");
    return false;
  }
  return true;
}

bool check_memory(const Dense& matrix) {
  if (matrix.empty()) return true;
  const std::int64_t last = (matrix.rows - 1) * matrix.row_step + (matrix.columns - 1) * matrix.column_step;
  return check_memory(matrix.name, matrix.data, last + 1, size_of(matrix.type));
}

bool check_apart(const Dense& output, const Dense& other) {
  const Lines written(output), used(other);
  for (std::int64_t i = 0; i < used.count; ++i) {
    if (!written.touch(used.data + i * used.pitch, used.bytes)) continue;
    fault(output.name + " overlaps " + other.name);
    return false;
  }
  return true;
}

bool check_apart(const Dense& output, const std::string& name, const void* data, std::size_t bytes) {
  if (!Lines(output).touch(reinterpret_cast<std::intptr_t>(data), static_cast<std::int64_t>(bytes))) return true;
  fault(output.name + " overlaps " + name);
  return false;
}

bool is_aligned_on_device(const void* pointer, std::size_t alignment) {
  // How far into its allocation the pointer is, by bisection.
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  const auto reaches = [&](std::size_t back) {
    return on_device(reinterpret_cast<const void*>(address - back), back + 1);
  };
  if (!reaches(0)) return address % alignment == 0;
  std::size_t inside = 0, outside = 1;
  while (reaches(outside)) outside *= 2;
  while (outside - inside > 1) {
    const std::size_t middle = inside + (outside - inside) / 2;
    (reaches(middle) ? inside : outside) = middle;
  }
  return inside % alignment == 0;
}

bool Scalar::read_on_host() {
  if (on_device) return true;
  if (simt::on_device(pointer, size_of(type))) {
    report(name + " is in device memory, but the pointer mode says host");
    return false;
  }
  value = read_scalar(type, pointer);
  return true;
}

bool Scalar::read_on_device() {
  if (!on_device) return true;
  if (!check_memory(name + ", which the pointer mode says is of the device,", pointer, 1, size_of(type))) return false;
  value = read_scalar(type, pointer);
  return true;
}

std::vector<double> read(const Dense& matrix, Inputs inputs) {
  std::vector<double> values(static_cast<std::size_t>(matrix.rows * matrix.columns));
  with_type(matrix.type, matrix.data, [&](const auto* data) {
    double* next = values.data();
    for (std::int64_t j = 0; j < matrix.columns; ++j) {
      for (std::int64_t i = 0; i < matrix.rows; ++i) {
        *next++ = to_double(data[i * matrix.row_step + j * matrix.column_step], inputs);
      }
    }
  });
  return values;
}

void write_column(double alpha, const std::vector<double>& sums, double beta, const Dense& c, std::int64_t column,
                  Part part) {
  with_type(c.type, c.data, [&](const auto* data) {
    using Element = std::remove_const_t<std::remove_pointer_t<decltype(data)>>;
    auto* const to = const_cast<Element*>(data) + column * c.column_step;
    for (std::int64_t i = 0; i < c.rows; ++i) {
      if (!is_written(i, column, part)) continue;
      Element& element = to[i * c.row_step];
      const double old = beta == 0 ? 0 : beta * to_double(element, Inputs::kExact);
      element = static_cast<Element>(alpha * sums[static_cast<std::size_t>(i)] + old);
    }
  });
}

void multiply(double alpha, const Dense& a, const Dense& b, double beta, const Dense& c, Inputs inputs, Part part) {
  const std::vector<double> a_values = read(a, inputs), b_values = read(b, inputs);
  const auto m = static_cast<std::size_t>(c.rows), k = static_cast<std::size_t>(a.columns);
  std::vector<double> sums(m);
  const double* factor = b_values.data();
  for (std::int64_t j = 0; j < c.columns; ++j) {
    sums.assign(m, 0);
    const double* term = a_values.data();
    for (std::size_t l = 0; l < k; ++l, ++factor, term += m) {
      for (std::size_t i = 0; i < m; ++i) sums[i] += term[i] * *factor;
    }
    write_column(alpha, sums, beta, c, j, part);
  }
}

}  // namespace simt
