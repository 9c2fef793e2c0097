#pragma once

#include <cstddef>

namespace orthant::io {

/// While one lives, an allocation by operator new beyond what is left of `bytes` throws std::bad_alloc, in any thread.
/// Only one at a time.
class LimitedMemory {
 public:
  explicit LimitedMemory(std::size_t bytes);
  LimitedMemory(const LimitedMemory&) = delete;
  LimitedMemory& operator=(const LimitedMemory&) = delete;
  ~LimitedMemory();

  /// The most bytes that were allocated at one time since construction, beyond those that were allocated then.
  std::size_t peak() const;
};

}  // namespace orthant::io
