#include "tests/simt/shared_memory.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <new>

#include "tests/simt/poison.hpp"

namespace simt {
namespace {

/// What the last block did there is no race with what the next one does: the thread sanitizer sees new memory.
void forget_accesses([[maybe_unused]] char* begin, [[maybe_unused]] char* end) {
#ifdef SIMT_TSAN
  constexpr std::uintptr_t kPage = 4096;
  const std::uintptr_t first = reinterpret_cast<std::uintptr_t>(begin) / kPage * kPage;
  const std::uintptr_t last = (reinterpret_cast<std::uintptr_t>(end) + kPage - 1) / kPage * kPage;
  if (first == last) return;
  mmap(reinterpret_cast<void*>(first), last - first, PROT_READ | PROT_WRITE,
       MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
#endif
}

}  // namespace

SharedMemory::SharedMemory() {
  void* mapped =
      mmap(nullptr, kBytes + kGuard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  memory_ = static_cast<char*>(mapped);
  mprotect(memory_ + kBytes, kGuard, PROT_NONE);
  next_ = memory_ + kMarks;
  dynamic_ = memory_ + kBytes;
}

SharedMemory::~SharedMemory() {
  sanitizer::allow(memory_, kBytes);
  munmap(memory_, kBytes + kGuard);
}

void SharedMemory::start(std::size_t dynamic_bytes) {
  forget_accesses(memory_ + kMarks, next_);
  forget_accesses(dynamic_, memory_ + kBytes);
  sanitizer::forbid(memory_, kBytes);
  count_ = 0;
  static_bytes_ = 0;
  next_ = memory_ + kMarks;
  dynamic_bytes_ = dynamic_bytes;
  const std::size_t rounded = (dynamic_bytes + 15) / 16 * 16;
  dynamic_ = memory_ + kBytes - rounded;
  sanitizer::allow(dynamic_, rounded);
  poison(dynamic_, rounded);
  sanitizer::forbid(dynamic_ + dynamic_bytes, rounded - dynamic_bytes);
}

void* SharedMemory::array(const void* key, std::size_t bytes, std::size_t alignment, const char* name, Site site) {
  for (std::size_t i = 0; i < count_; ++i) {
    if (arrays_[i].key == key) return arrays_[i].data;
  }
  if (alignment < 16) alignment = 16;
  const auto address = (reinterpret_cast<std::uintptr_t>(next_) + alignment - 1) / alignment * alignment;
  auto* data = reinterpret_cast<char*>(address);
  if (count_ == kMaxArrays || data + bytes + kGap > memory_ + kMarks + 2 * kStaticLimit) return nullptr;
  const std::size_t covered = bytes + kGap + (data - next_);
  sanitizer::allow(next_, covered);
  poison(next_, covered);
  sanitizer::forbid(next_, data - next_);
  sanitizer::forbid(data + bytes, kGap);
  next_ = data + bytes + kGap;
  static_bytes_ += bytes;
  arrays_[count_++] = {key, data, bytes, name, site};
  return data;
}

bool SharedMemory::covers(const void* address, std::size_t bytes) const {
  const auto* const first = static_cast<const char*>(address);
  const auto are_of = [=](const char* data, std::size_t size) {
    return first >= data && bytes <= size && first <= data + (size - bytes);
  };
  for (std::size_t i = 0; i < count_; ++i) {
    if (are_of(arrays_[i].data, arrays_[i].bytes)) return true;
  }
  return are_of(dynamic_, dynamic_bytes_);
}

std::string SharedMemory::damage() const {
#ifndef SIMT_ASAN  // which reports the access itself
  for (std::size_t i = 0; i < count_; ++i) {
    const Array& each = arrays_[i];
    if (!is_poison(each.data + each.bytes, kGap)) {
      return std::string("wrote past the end of the shared array ") + each.name + " of " + std::to_string(each.bytes) +
             " bytes, declared at " + each.site.file + ":" + std::to_string(each.site.line);
    }
  }
  if (!is_poison(dynamic_ + dynamic_bytes_, (16 - dynamic_bytes_ % 16) % 16)) {
    return "wrote past the end of the dynamic shared memory of " + std::to_string(dynamic_bytes_) + " bytes";
  }
#endif
  return {};
}

}  // namespace simt
