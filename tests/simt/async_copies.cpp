#include "tests/simt/async_copies.hpp"

#include <cstdint>
#include <string>

#include "tests/simt/block.hpp"
#include "tests/simt/memory.hpp"

namespace simt {
namespace {

/// What is wrong with a copy, in words; empty if nothing.
std::string mistake(const Copy& copy) {
  const auto is_aligned = [&](const void* address) {
    return reinterpret_cast<std::uintptr_t>(address) % copy.bytes == 0;
  };
  if (!is_aligned(copy.to)) return "to shared memory that is not aligned to as many";
  if (!current_block()->shared().covers(copy.to, copy.bytes)) return "to shared memory outside of its arrays";
  if (copy.from == nullptr) return {};
  if (!is_aligned(copy.from)) return "from global memory that is not aligned to as many";
  const DeviceMemory& global = DeviceMemory::instance();
  return global.device_sees(copy.from, copy.bytes) ? std::string() : "from " + global.describe(copy.from);
}

/// Whether there is nothing to report. A function of its own: no string must be alive when a thread stops.
bool is_right(const Copy& copy) {
  const std::string what = mistake(copy);
  if (what.empty()) return true;
  current_block()->accuse("asynchronous copy of " + std::to_string(copy.bytes) + " bytes " + what, copy.site,
                          cudaErrorIllegalAddress);
  return false;
}

}  // namespace

const Copy* CopyQueue::take(unsigned newest) {
  if (taken_ < copies_.size() && copies_[taken_].group + newest < groups_) return &copies_[taken_++].copy;
  copies_.erase(copies_.begin(), copies_.begin() + static_cast<std::ptrdiff_t>(taken_));
  taken_ = 0;
  return nullptr;
}

void begin_copy(const Copy& copy) {
  if (!is_right(copy)) current_block()->stop();
  current_block()->copies().add(copy);
}

void commit_copies() { current_block()->copies().commit(); }

const Copy* take_copy(unsigned newest) { return current_block()->copies().take(newest); }

}  // namespace simt
