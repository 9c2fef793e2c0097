#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace orthant {

/// Where an error was thrown. Stands in for std::source_location, which clang 14 lacks.
struct SourceLocation {
  const char* file = "";
  int line = 0;
  const char* function = "";

  static constexpr SourceLocation current(const char* file = __builtin_FILE(), int line = __builtin_LINE(),
                                          const char* function = __builtin_FUNCTION()) noexcept {
    return {file, line, function};
  }
};

/// Base of every exception that Orthant throws.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message, SourceLocation where = SourceLocation::current())
      : std::runtime_error(message), where_(where) {}

  /// The line of Orthant's source that threw.
  const SourceLocation& where() const noexcept { return where_; }

 private:
  SourceLocation where_;
};

/// A value that the caller passed is not acceptable. Thrown before W and H are touched.
class InvalidArgument : public Error {
 public:
  /// @param name what was wrong, as the caller spells it ("options.sweeps", "X(3, 7)")
  /// @param value the value found there
  /// @param expected what would have been accepted
  InvalidArgument(std::string name, std::string value, std::string expected,
                  SourceLocation where = SourceLocation::current())
      : Error(name + " is " + value + ", expected " + expected, where),
        name_(std::move(name)),
        value_(std::move(value)),
        expected_(std::move(expected)) {}

  const std::string& name() const noexcept { return name_; }
  const std::string& value() const noexcept { return value_; }
  const std::string& expected() const noexcept { return expected_; }

 private:
  std::string name_, value_, expected_;
};

/// The backend that was asked for cannot run here; the message says what is missing.
class BackendUnavailable : public Error {
 public:
  BackendUnavailable(std::string backend, const std::string& reason, SourceLocation where = SourceLocation::current())
      : Error("the " + backend + " backend is not available: " + reason, where), backend_(std::move(backend)) {}

  const std::string& backend() const noexcept { return backend_; }

 private:
  std::string backend_;
};

/// An allocation failed. Everything allocated so far has been released.
class OutOfMemory : public Error {
 public:
  /// @param requested bytes that could not be had
  /// @param free bytes of that memory that were free at that time, or -1 where the memory resource is the caller's
  OutOfMemory(std::int64_t requested, std::int64_t free, SourceLocation where = SourceLocation::current())
      : Error("out of memory: " + std::to_string(requested) + " bytes requested" +
                  (free >= 0 ? ", " + std::to_string(free) + " free" : std::string()),
              where),
        requested_(requested),
        free_(free) {}

  std::int64_t requested() const noexcept { return requested_; }
  std::int64_t free() const noexcept { return free_; }

 private:
  std::int64_t requested_, free_;
};

/// The iteration left the finite numbers: the objective or its gradient overflows, for the given start or X, in this
/// precision. W and H hold the last iterate.
class NumericalError : public Error {
 public:
  NumericalError(const std::string& what, int iteration, SourceLocation where = SourceLocation::current())
      : Error(what + " at iteration " + std::to_string(iteration), where), iteration_(iteration) {}

  int iteration() const noexcept { return iteration_; }

 private:
  int iteration_;
};

/// A call to CUDA, cuBLAS or cuSPARSE failed, or a kernel did.
class CudaError : public Error {
 public:
  /// @param call what was called, for example "cudaStreamSynchronize"
  /// @param code its result, as the library names it ("cudaErrorLaunchFailure")
  /// @param description what the library says about it
  CudaError(std::string call, std::string code, const std::string& description,
            SourceLocation where = SourceLocation::current())
      : Error(call + " failed: " + code + " (" + description + ")", where),
        call_(std::move(call)),
        code_(std::move(code)) {}

  const std::string& call() const noexcept { return call_; }
  const std::string& code() const noexcept { return code_; }

 private:
  std::string call_, code_;
};

}  // namespace orthant
