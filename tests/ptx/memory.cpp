#include <algorithm>

#include "tests/ptx/machine.hpp"

namespace ptx {
namespace {

std::byte* pointer(std::uint64_t address) { return reinterpret_cast<std::byte*>(address); }

}  // namespace

bool covers(const std::vector<Range>& ranges, std::uint64_t begin, std::size_t bytes) {
  return std::any_of(ranges.begin(), ranges.end(), [=](const Range& range) { return range.contains(begin, bytes); });
}

Memory::Memory(const Module& module, const Function& kernel, std::size_t dynamic_bytes, Accessible accessible)
    : module_(module),
      accessible_(std::move(accessible)),
      shared_ranges_(kernel.shared),
      window_(kStaticShared + module.shared_bytes + kGap) {
  if (dynamic_bytes > kStaticShared - kDynamicShared - kGap) {
    throw Error(kernel.name + ": " + std::to_string(dynamic_bytes) + " bytes of dynamic shared memory");
  }
  if (kernel.has_dynamic_shared) shared_ranges_.push_back({kDynamicShared, dynamic_bytes});
}

void Memory::poison_shared() {
  constexpr std::array<unsigned char, 4> kPoison = {0xAD, 0xDE, 0xFF, 0xFF};  // NaN, or a huge integer
  for (const Range& range : shared_ranges_) {
    for (std::size_t i = 0; i < range.bytes; ++i) window_[range.begin + i] = std::byte{kPoison[i % 4]};
  }
}

std::byte* Memory::constant(std::uint64_t address, std::size_t bytes) const {
  return covers(module_.const_variables, address, bytes) ? pointer(address) : nullptr;
}

std::byte* Memory::unknown_global(std::uint64_t address, std::size_t bytes) {
  const std::uint64_t line = address / kLine;
  if (accessible_(pointer(line * kLine), kLine)) known_lines_[line % known_lines_.size()] = line;
  const bool live = accessible_(pointer(address), bytes) || covers(module_.global_variables, address, bytes);
  return live ? pointer(address) : constant(address, bytes);
}

}  // namespace ptx
