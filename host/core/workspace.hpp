#pragma once

#include <array>
#include <cstdint>

#include "host/core/buffer.hpp"

namespace orthant::core {

/// Scratch of one fit: grows on first use, so that the iterations after it allocate nothing.
class Workspace {
 public:
  /// What a DataMatrix keeps between its calls.
  enum Slot { packed, accumulators, panels, partial_sums, slots };

  explicit Workspace(MemoryResource& memory) : memory_(&memory) {}

  /// At least `size` elements, uninitialised the first time and whenever the size grows.
  template <class U>
  U* get(Slot slot, std::int64_t size) {
    const auto bytes = size * static_cast<std::int64_t>(sizeof(U));
    if (buffers_[slot].size() < bytes) {
      buffers_[slot] = {};
      buffers_[slot] = Buffer<std::byte>(*memory_, bytes);
    }
    return reinterpret_cast<U*>(buffers_[slot].data());
  }

 private:
  MemoryResource* memory_;
  std::array<Buffer<std::byte>, slots> buffers_;
};

}  // namespace orthant::core
