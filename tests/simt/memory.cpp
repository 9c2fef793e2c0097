#include "tests/simt/memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/simt/poison.hpp"

namespace simt {
namespace {

#ifdef ORTHANT_SIMT_COUNTERS
constexpr std::size_t kAlignment = 256;  // as on a device: sectors depend on it
#else
constexpr std::size_t kAlignment = 16;  // less than on a device: an access past the end meets the guard page
#endif
constexpr std::size_t kRemembered = 256;
constexpr std::size_t kHugePage = 2 << 20;

std::size_t page() {
  static const auto size = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  return size;
}

std::size_t round_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

std::uintptr_t number(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

}  // namespace

DeviceMemory& DeviceMemory::instance() {
  static auto* const memory = new DeviceMemory;  // never destroyed: used until the very end
  return *memory;
}

void* DeviceMemory::reserve(int device, std::size_t bytes, std::size_t limit) {
  if (bytes > limit || used(device) > limit - bytes) return nullptr;
  const std::size_t inside = round_up(bytes, page());
  const bool huge = inside >= kHugePage;
  const std::size_t mapped = inside + 2 * page() + (huge ? kHugePage : 0);
  void* const mapping = mmap(nullptr, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return nullptr;
  char* end = static_cast<char*>(mapping) + mapped - page();
  if (huge) end -= number(end) % kHugePage;
  char* const pages = end - inside;
  // Pages of another kind than the guards: closed, the kernel would join them, to split them again at each opening.
  madvise(pages, inside, MADV_DONTDUMP);
  // Thousands of small pages that are filled would take long to open and close. A hint: some systems have no others.
  if (huge) madvise(pages, inside, MADV_HUGEPAGE);
  char* const data = end - round_up(bytes, kAlignment);
  allocations_[number(data)] = {bytes, static_cast<char*>(mapping), mapped, pages, inside, device, true, false, true};
  return data;
}

void DeviceMemory::activate(void* data) {
  auto& each = *allocations_.find(number(data));
  Allocation& allocation = each.second;
  allocation.device_live = true;
  allocation.waiting = false;
  protect(allocation, true);
  const std::size_t rounded = round_up(allocation.bytes, kAlignment);
  // Of the largest buffers the ends alone are filled: pages that nobody has touched cost nothing to protect, and zeros.
  constexpr std::size_t kFilledWhole = 16 << 20, kFilledEnds = 256 << 10;
  if (rounded <= kFilledWhole) {
    poison(data, rounded);
  } else {
    poison(data, kFilledEnds);
    poison(static_cast<char*>(data) + rounded - kFilledEnds, kFilledEnds);
    sanitizer::mark_uninitialised(data, rounded);
  }
  sanitizer::forbid(allocation.mapping, allocation.mapped);
  sanitizer::allow(data, allocation.bytes);
  if (opened_ == 0) protect(allocation, false);
  active_ += static_cast<std::int64_t>(allocation.bytes);
  if (active_ > peak_) peak_ = active_;
}

void DeviceMemory::release(void* data) {
  auto& each = *allocations_.find(number(data));
  Allocation& allocation = each.second;
  if (allocation.device_live) active_ -= static_cast<std::int64_t>(allocation.bytes);
  allocation.device_live = false;
  allocation.host_live = false;
  allocation.waiting = false;
  madvise(allocation.mapping, allocation.mapped, MADV_DONTNEED);
  protect(allocation, false);
  gone_[gone_count_++] = each.first;
  drop_old();
}

void DeviceMemory::drop_old() {
  while (gone_.size() > kRemembered) {
    const auto oldest = allocations_.find(gone_.begin()->second);
    sanitizer::allow(oldest->second.mapping, oldest->second.mapped);
    munmap(oldest->second.mapping, oldest->second.mapped);
    allocations_.erase(oldest);
    gone_.erase(gone_.begin());
  }
}

bool DeviceMemory::forget(void* data) {
  const auto found = allocations_.find(number(data));
  if (found == allocations_.end() || !found->second.host_live) return false;
  found->second.host_live = false;
  return true;
}

const DeviceMemory::Allocations::value_type* DeviceMemory::find(const void* pointer) const {
  auto after = allocations_.upper_bound(number(pointer));
  // The data starts some way into its mapping: the pointer may lie before the data of the next allocation.
  if (after != allocations_.end() && pointer >= after->second.mapping) return &*after;
  if (after == allocations_.begin()) return nullptr;
  --after;
  return pointer < after->second.mapping + after->second.mapped ? &*after : nullptr;
}

bool DeviceMemory::host_sees(const void* pointer, std::size_t bytes) const {
  const auto* const found = find(pointer);
  return found != nullptr && found->second.host_live && number(pointer) >= found->first &&
         bytes <= found->second.bytes && number(pointer) - found->first <= found->second.bytes - bytes;
}

bool DeviceMemory::device_sees(const void* pointer, std::size_t bytes) const {
  const auto* const found = find(pointer);
  return found != nullptr && found->second.device_live && number(pointer) >= found->first &&
         bytes <= found->second.bytes && number(pointer) - found->first <= found->second.bytes - bytes;
}

bool DeviceMemory::is_near(const void* pointer) const { return find(pointer) != nullptr; }

int DeviceMemory::device_of(const void* pointer) const {
  return host_sees(pointer, 0) ? find(pointer)->second.device : -1;
}

std::string DeviceMemory::describe(const void* pointer) const {
  const auto* const found = find(pointer);
  if (found == nullptr) {
    char text[64];
    std::snprintf(text, sizeof text, "address %p, which is in no allocation", pointer);
    return text;
  }
  const auto& [data, allocation] = *found;
  const auto offset = static_cast<std::int64_t>(number(pointer) - data);
  const auto bytes = static_cast<std::int64_t>(allocation.bytes);
  std::string text = offset < 0        ? std::to_string(-offset) + " bytes before the start of "
                     : offset >= bytes ? std::to_string(offset - bytes) + " bytes past the end of "
                                       : "byte " + std::to_string(offset) + " of ";
  text += "an allocation of " + std::to_string(bytes) + " bytes of device memory";
  if (allocation.waiting) return text + ", whose turn in its stream has not come";
  if (!allocation.device_live) return text + ", which has been freed";
  return text;
}

void DeviceMemory::protect(const Allocation& allocation, bool open) const {
  mprotect(allocation.pages, allocation.inside, open ? PROT_READ | PROT_WRITE : PROT_NONE);
}

void DeviceMemory::open() {
  if (opened_++ > 0) return;
  for (const auto& each : allocations_) {
    if (each.second.device_live) protect(each.second, true);
  }
}

void DeviceMemory::close() {
  if (--opened_ > 0) return;
  for (const auto& each : allocations_) {
    if (each.second.device_live) protect(each.second, false);
  }
}

std::size_t DeviceMemory::used(int device) const {
  std::size_t sum = 0;
  for (const auto& [data, each] : allocations_) {
    if (each.device == device && (each.device_live || each.waiting)) sum += each.bytes;
  }
  return sum;
}

std::int64_t DeviceMemory::count() const {
  std::int64_t sum = 0;
  for (const auto& [data, each] : allocations_) sum += each.host_live;
  return sum;
}

std::int64_t DeviceMemory::bytes() const {
  std::int64_t sum = 0;
  for (const auto& [data, each] : allocations_) sum += each.host_live ? static_cast<std::int64_t>(each.bytes) : 0;
  return sum;
}

void DeviceMemory::reset_peak() { peak_ = active_; }

PinnedMemory& PinnedMemory::instance() {
  static auto* const memory = new PinnedMemory;
  return *memory;
}

void* PinnedMemory::allocate(std::size_t bytes) {
  void* const data = std::aligned_alloc(256, round_up(bytes, 256));
  if (data == nullptr) return nullptr;
  poison(data, bytes);
  blocks_[number(data)] = bytes;
  return data;
}

bool PinnedMemory::free(void* data) {
  if (blocks_.erase(number(data)) == 0) return false;
  std::free(data);
  return true;
}

bool PinnedMemory::contains(const void* pointer, std::size_t bytes) const {
  auto after = blocks_.upper_bound(number(pointer));
  if (after == blocks_.begin()) return false;
  const auto& [data, size] = *--after;
  return bytes <= size && number(pointer) - data <= size - bytes;
}

}  // namespace simt
