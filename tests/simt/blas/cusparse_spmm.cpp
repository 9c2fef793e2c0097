// The product of a sparse and a dense matrix.

#include <cstring>
#include <vector>

#include "tests/simt/blas/cusparse.hpp"
#include "tests/simt/poison.hpp"
#include "tests/simt/sanitizers.hpp"
#include "tests/simt/streams.hpp"

namespace simt {
namespace {

struct Spmm {
  const char* name;
  cusparseOperation_t op_a, op_b;
  const void* alpha;
  cusparseConstSpMatDescr_t a;
  cusparseConstDnMatDescr_t b;
  const void* beta;
  cusparseConstDnMatDescr_t c;
  cudaDataType compute;
  cusparseSpMMAlg_t algorithm;
};

bool is_operation(cusparseOperation_t op) {
  return op == CUSPARSE_OPERATION_NON_TRANSPOSE || op == CUSPARSE_OPERATION_TRANSPOSE ||
         op == CUSPARSE_OPERATION_CONJUGATE_TRANSPOSE;
}

bool is_plain(cusparseOperation_t op) { return op == CUSPARSE_OPERATION_NON_TRANSPOSE; }

/// Of any format; the documentation says which are for CSR.
bool is_algorithm(cusparseSpMMAlg_t algorithm) {
  return algorithm >= CUSPARSE_SPMM_ALG_DEFAULT && algorithm <= CUSPARSE_SPMM_BSR_ALG1 &&
         (algorithm <= CUSPARSE_SPMM_CSR_ALG2 || algorithm >= CUSPARSE_SPMM_CSR_ALG3);
}
bool is_for_csr(cusparseSpMMAlg_t algorithm) {
  return algorithm == CUSPARSE_SPMM_ALG_DEFAULT || algorithm == CUSPARSE_SPMM_CSR_ALG1 ||
         algorithm == CUSPARSE_SPMM_CSR_ALG2 || algorithm == CUSPARSE_SPMM_CSR_ALG3;
}

cusparseStatus_t check_support(const Spmm& call) {
  if (!is_for_csr(call.algorithm)) return CUSPARSE_STATUS_NOT_SUPPORTED;
  if (call.a->index_type == CUSPARSE_INDEX_16U) return CUSPARSE_STATUS_NOT_SUPPORTED;
  // Uniform precision; of the documented mixed types the substitute knows none.
  const bool uniform = call.a->type == call.compute && call.b->type == call.compute && call.c->type == call.compute;
  if (!uniform || (call.compute != CUDA_R_32F && call.compute != CUDA_R_64F)) return CUSPARSE_STATUS_NOT_SUPPORTED;
  if (call.algorithm == CUSPARSE_SPMM_CSR_ALG3 &&
      (!is_plain(call.op_a) || call.op_b == CUSPARSE_OPERATION_CONJUGATE_TRANSPOSE)) {
    return CUSPARSE_STATUS_NOT_SUPPORTED;
  }
  return CUSPARSE_STATUS_SUCCESS;
}

cusparseStatus_t check(const Spmm& call) {
  if (!is_operation(call.op_a) || !is_operation(call.op_b) || !is_algorithm(call.algorithm)) {
    return CUSPARSE_STATUS_INVALID_VALUE;
  }
  if (call.alpha == nullptr || call.beta == nullptr) return CUSPARSE_STATUS_INVALID_VALUE;
  if (!sparse_matrices().contains(call.a) || !dense_matrices().contains(call.b) || !dense_matrices().contains(call.c)) {
    return CUSPARSE_STATUS_INVALID_VALUE;
  }
  const std::int64_t m = is_plain(call.op_a) ? call.a->rows : call.a->columns;
  const std::int64_t k = is_plain(call.op_a) ? call.a->columns : call.a->rows;
  const std::int64_t b_rows = is_plain(call.op_b) ? call.b->rows : call.b->columns;
  const std::int64_t n = is_plain(call.op_b) ? call.b->columns : call.b->rows;
  if (b_rows != k || call.c->rows != m || call.c->columns != n) return CUSPARSE_STATUS_INVALID_VALUE;
  return check_support(call);
}

/// What the substitute asks for, so that a buffer which is too small for its matrices is found: to keep what it finds
/// out of A's pattern, and to work in, the more the more columns the product has.
std::size_t kept_bytes(const Spmm& call) { return 256 * (1 + static_cast<std::size_t>(call.a->rows) / 256); }
std::size_t buffer_bytes(const Spmm& call) { return kept_bytes(call) + 16 * static_cast<std::size_t>(call.c->columns); }

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15ULL;
  return hash ^ hash >> 29;
}

/// A copy of A: work runs when the descriptor may be gone.
class Sparse {
 public:
  Sparse(const std::string& call, const cusparseSpMatDescr& a) : call_(call), a_(a) {}

  /// Whether the memory is there and holds what the format says. A fault if not.
  bool check_contents() const {
    const std::size_t size = a_.index_type == CUSPARSE_INDEX_32I ? 4 : 8;
    if (!check_memory(call_ + ": the offsets of A", a_.offsets, a_.rows + 1, size) ||
        !check_memory(call_ + ": the indices of A", a_.indices, a_.nonzeros, size) ||
        !check_memory(call_ + ": the values of A", a_.values, a_.nonzeros, size_of(a_.type))) {
      return false;
    }
    return check_offsets() && check_indices();
  }

  bool check_apart(const Dense& output) const {
    const std::size_t index = a_.index_type == CUSPARSE_INDEX_32I ? 4 : 8;
    const auto rows = static_cast<std::size_t>(a_.rows), nonzeros = static_cast<std::size_t>(a_.nonzeros);
    return simt::check_apart(output, call_ + ": the offsets of A", a_.offsets, (rows + 1) * index) &&
           simt::check_apart(output, call_ + ": the indices of A", a_.indices, nonzeros * index) &&
           simt::check_apart(output, call_ + ": the values of A", a_.values, nonzeros * size_of(a_.type));
  }

  std::int64_t rows() const { return a_.rows; }
  std::int64_t start(std::int64_t row) const { return index(a_.offsets, row) - a_.base; }
  std::int64_t column(std::int64_t entry) const { return index(a_.indices, entry) - a_.base; }
  double value(std::int64_t entry) const {
    return a_.type == CUDA_R_64F ? static_cast<const double*>(a_.values)[entry]
                                 : static_cast<const float*>(a_.values)[entry];
  }

  /// Of the pattern: where the entries are, not what they are.
  std::uint64_t hash() const {
    std::uint64_t hash = mix(static_cast<std::uint64_t>(a_.rows), static_cast<std::uint64_t>(a_.columns));
    for (std::int64_t i = 0; i <= a_.rows; ++i) hash = mix(hash, static_cast<std::uint64_t>(start(i)));
    for (std::int64_t i = 0; i < a_.nonzeros; ++i) hash = mix(hash, static_cast<std::uint64_t>(column(i)));
    return hash;
  }

 private:
  std::int64_t index(const void* data, std::int64_t i) const {
    return a_.index_type == CUSPARSE_INDEX_32I ? static_cast<const std::int32_t*>(data)[i]
                                               : static_cast<const std::int64_t*>(data)[i];
  }

  bool check_offsets() const {
    bool valid = start(0) == 0 && start(a_.rows) == a_.nonzeros;
    for (std::int64_t i = 0; i < a_.rows && valid; ++i) valid = start(i) <= start(i + 1);
    if (!valid) fault(call_ + ": the offsets of A do not rise from the base to the number of its entries");
    return valid;
  }

  bool check_indices() const {
    for (std::int64_t i = 0; i < a_.nonzeros; ++i) {
      if (column(i) >= 0 && column(i) < a_.columns) continue;
      fault(call_ + ": entry " + std::to_string(i) + " of A is in column " + std::to_string(column(i)) + " of " +
            std::to_string(a_.columns));
      return false;
    }
    return true;
  }

  std::string call_;
  cusparseSpMatDescr a_;
};

/// A call's buffer. What is kept there: the pattern's hash, and numbers that follow from it and the parameters.
class Buffer {
 public:
  Buffer(const Spmm& call, void* buffer)
      : name_(call.name),
        bytes_(buffer_bytes(call)),
        words_(static_cast<std::uint64_t*>(buffer)),
        count_(kept_bytes(call) / sizeof(std::uint64_t)) {
    seed_ = mix(mix(mix(static_cast<std::uint64_t>(call.op_a), static_cast<std::uint64_t>(call.op_b)),
                    static_cast<std::uint64_t>(call.compute)),
                static_cast<std::uint64_t>(call.algorithm));
  }

  bool is_there() const {
    return check_memory(name_ + ": the buffer", words_, static_cast<std::int64_t>(bytes_ / sizeof(std::uint64_t)),
                        sizeof(std::uint64_t));
  }

  bool check_apart(const Dense& matrix) const {
    return simt::check_apart(matrix, name_ + ": the buffer", words_, bytes_);
  }

  void write(const Sparse& a) const {
    words_[0] = a.hash();
    for (std::size_t i = 1; i < count_; ++i) words_[i] = mix(seed_, i);
  }

  bool check(const Sparse& a) const {
    // So that a buffer which was not written is the fault that is reported, in every build.
    sanitizer::mark_initialised(words_, count_ * sizeof(std::uint64_t));
    for (std::size_t i = 1; i < count_; ++i) {
      if (words_[i] == mix(seed_, i)) continue;
      fault(name_ + ": the active buffer is not as cusparseSpMM_preprocess leaves it");
      return false;
    }
    if (words_[0] == a.hash()) return true;
    fault(name_ + ": the pattern of A is not the one that cusparseSpMM_preprocess saw");
    return false;
  }

  /// As the product leaves it: what is kept stays if it is active, and the rest is worked in.
  void work_in(bool active) const {
    const std::size_t kept = active ? count_ : 0;
    poison(words_ + kept, bytes_ - kept * sizeof(std::uint64_t));
  }

 private:
  std::string name_;
  std::size_t bytes_;
  std::uint64_t* words_;  // that are kept
  std::size_t count_;
  std::uint64_t seed_;
};

/// Whether vectors of 16 bytes can be read and written, as by the library on an H100, where padded matrices were
/// misaligned addresses: the documentation does not say so.
bool check_vectors(const Dense& matrix, bool is_packed) {
  constexpr std::uintptr_t kVector = 16;
  if (matrix.empty()) return true;
  if (!is_packed) {
    fault(matrix.name + " has gaps between its lines: its vectors are misaligned");
    return false;
  }
  if (reinterpret_cast<std::uintptr_t>(matrix.data) % kVector != 0) {
    fault(matrix.name + " does not begin at a multiple of 16 bytes: its vectors are misaligned");
    return false;
  }
  return true;
}

void multiply_sparse(double alpha, const Sparse& a, bool a_is_plain, const Dense& b, double beta, const Dense& c) {
  const auto n = static_cast<std::size_t>(c.columns);
  const std::vector<double> b_rows = read(b.transposed());
  std::vector<double> sums(static_cast<std::size_t>(c.rows) * n);
  for (std::int64_t i = 0; i < a.rows(); ++i) {
    for (std::int64_t entry = a.start(i); entry < a.start(i + 1); ++entry) {
      const std::int64_t j = a.column(entry);
      double* const to = sums.data() + static_cast<std::size_t>(a_is_plain ? i : j) * n;
      const double* const from = b_rows.data() + static_cast<std::size_t>(a_is_plain ? j : i) * n;
      const double value = a.value(entry);
      for (std::size_t l = 0; l < n; ++l) to[l] += value * from[l];
    }
  }
  std::vector<double> row(n);
  for (std::int64_t i = 0; i < c.rows; ++i) {
    if (n > 0) std::memcpy(row.data(), sums.data() + static_cast<std::size_t>(i) * n, n * sizeof(double));
    write_column(alpha, row, beta, c.transposed(), i, Part::kAll);
  }
}

cusparseStatus_t check_device(const cusparseContext& handle, const char* name) {
  if (current_device() == handle.device) return CUSPARSE_STATUS_SUCCESS;
  report(std::string(name) + ": the current device is not that of the handle");
  return CUSPARSE_STATUS_EXECUTION_FAILED;
}

cusparseStatus_t preprocess(const cusparseContext& handle, const Spmm& call, void* buffer) {
  if (const cusparseStatus_t status = check(call); status != CUSPARSE_STATUS_SUCCESS) return status;
  if (buffer == nullptr) return CUSPARSE_STATUS_INVALID_VALUE;
  if (const cusparseStatus_t status = check_device(handle, call.name); status != CUSPARSE_STATUS_SUCCESS) return status;
  call.a->preprocessed = {buffer, call.op_a, call.op_b, call.compute, call.algorithm};
  enqueue(handle.stream, call.name, [a = Sparse(call.name, *call.a), memory = Buffer(call, buffer)] {
    if (a.check_contents() && memory.is_there()) memory.write(a);
  });
  return CUSPARSE_STATUS_SUCCESS;
}

/// "Subsequent calls with matA and the active buffer must use the same values for all parameters", but for alpha, beta,
/// the dense matrices and the values of A.
void check_repeated(const Spmm& call, const cusparseSpMatDescr::Preprocessed& first) {
  if (call.op_a != first.op_a || call.op_b != first.op_b || call.compute != first.compute ||
      call.algorithm != first.algorithm) {
    report(std::string(call.name) + ": parameters differ from those of cusparseSpMM_preprocess with this buffer");
  }
}

cusparseStatus_t spmm(const cusparseContext& handle, const Spmm& call, void* buffer) {
  if (const cusparseStatus_t status = check(call); status != CUSPARSE_STATUS_SUCCESS) return status;
  if (buffer == nullptr) return CUSPARSE_STATUS_INVALID_VALUE;
  if (const cusparseStatus_t status = check_device(handle, call.name); status != CUSPARSE_STATUS_SUCCESS) return status;
  const std::string name = call.name;
  const bool on_device = handle.pointers == CUSPARSE_POINTER_MODE_DEVICE;
  Scalar alpha{name + ": alpha", call.alpha, call.compute, on_device, 0};
  Scalar beta{name + ": beta", call.beta, call.compute, on_device, 0};
  if (!alpha.read_on_host() || !beta.read_on_host()) return CUSPARSE_STATUS_INVALID_VALUE;
  const bool active = buffer == call.a->preprocessed.buffer;
  if (active) check_repeated(call, call.a->preprocessed);
  const Dense b = call.b->operand(name + ": B"), c = call.c->operand(name + ": C");
  const bool b_is_packed = call.b->is_packed(), c_is_packed = call.c->is_packed();
  const auto run = [=, a = Sparse(name, *call.a), memory = Buffer(call, buffer), a_is_plain = is_plain(call.op_a),
                    op_b = is_plain(call.op_b) ? b : b.transposed()]() mutable {
    if (!a.check_contents() || !check_memory(op_b) || !check_memory(c) || !memory.is_there()) return;
    if (!check_apart(c, op_b) || !a.check_apart(c) || !memory.check_apart(c) || !memory.check_apart(b)) return;
    if (!check_vectors(b, b_is_packed) || !check_vectors(c, c_is_packed)) return;
    if (!alpha.read_on_device() || !beta.read_on_device()) return;
    if (active && !memory.check(a)) return;
    memory.work_in(active);
    multiply_sparse(alpha.value, a, a_is_plain, op_b, beta.value, c);
  };
  // Counted apart: a buffer that is not active is allowed, but nothing is gained from what was preprocessed.
  enqueue(handle.stream, active ? "cusparseSpMM with active buffer" : call.name, run);
  return CUSPARSE_STATUS_SUCCESS;
}

}  // namespace
}  // namespace simt

using simt::cusparse;

cusparseStatus_t cusparseSpMM_bufferSize(cusparseHandle_t handle, cusparseOperation_t op_a, cusparseOperation_t op_b,
                                         const void* alpha, cusparseConstSpMatDescr_t a, cusparseConstDnMatDescr_t b,
                                         const void* beta, cusparseDnMatDescr_t c, cudaDataType compute,
                                         cusparseSpMMAlg_t algorithm, std::size_t* bytes) {
  constexpr const char* kName = "cusparseSpMM_bufferSize";
  return cusparse(kName, handle, [=] {
    if (bytes == nullptr) return CUSPARSE_STATUS_INVALID_VALUE;
    const simt::Spmm call{kName, op_a, op_b, alpha, a, b, beta, c, compute, algorithm};
    const cusparseStatus_t status = simt::check(call);
    if (status == CUSPARSE_STATUS_SUCCESS) *bytes = simt::buffer_bytes(call);
    return status;
  });
}

cusparseStatus_t cusparseSpMM_preprocess(cusparseHandle_t handle, cusparseOperation_t op_a, cusparseOperation_t op_b,
                                         const void* alpha, cusparseConstSpMatDescr_t a, cusparseConstDnMatDescr_t b,
                                         const void* beta, cusparseDnMatDescr_t c, cudaDataType compute,
                                         cusparseSpMMAlg_t algorithm, void* buffer) {
  constexpr const char* kName = "cusparseSpMM_preprocess";
  return cusparse(kName, handle, [=] {
    return simt::preprocess(*handle, {kName, op_a, op_b, alpha, a, b, beta, c, compute, algorithm}, buffer);
  });
}

cusparseStatus_t cusparseSpMM(cusparseHandle_t handle, cusparseOperation_t op_a, cusparseOperation_t op_b,
                              const void* alpha, cusparseConstSpMatDescr_t a, cusparseConstDnMatDescr_t b,
                              const void* beta, cusparseDnMatDescr_t c, cudaDataType compute,
                              cusparseSpMMAlg_t algorithm, void* buffer) {
  constexpr const char* kName = "cusparseSpMM";
  return cusparse(kName, handle, [=] {
    return simt::spmm(*handle, {kName, op_a, op_b, alpha, a, b, beta, c, compute, algorithm}, buffer);
  });
}
