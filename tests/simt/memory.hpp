#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace simt {

/// The memory of devices. Each allocation ends at a guard page, and only while work runs can it be touched. An
/// allocation has two lives: the host's, from call to call, and the device's, from turn to turn in a stream.
class DeviceMemory {
 public:
  static DeviceMemory& instance();

  /// Address space for an allocation whose turn is to come; null if the device's memory is exhausted.
  void* reserve(int device, std::size_t bytes, std::size_t limit);
  /// In the order of the stream: from now on the device can use it, until release().
  void activate(void* data);
  void release(void* data);
  /// The host's call to free it; false if there is no such allocation, or it has been freed.
  bool forget(void* data);

  bool host_sees(const void* pointer, std::size_t bytes) const;
  bool device_sees(const void* pointer, std::size_t bytes) const;
  /// Whether the pointer is into memory that is or was the device's, guard pages included.
  bool is_near(const void* pointer) const;
  /// The device of an allocation that the host sees; -1 if none.
  int device_of(const void* pointer) const;
  /// The pointer in words: which allocation, how far inside or beyond, in which state.
  std::string describe(const void* pointer) const;

  void open();
  void close();

  std::size_t used(int device) const;
  std::int64_t count() const;
  std::int64_t bytes() const;
  std::int64_t peak() const { return peak_; }
  void reset_peak();

 private:
  struct Allocation {
    std::size_t bytes;
    char* mapping;
    std::size_t mapped;
    char* pages;  // between the guards
    std::size_t inside;
    int device;
    bool host_live, device_live, waiting;
  };
  using Allocations = std::map<std::uintptr_t, Allocation>;

  const Allocations::value_type* find(const void* pointer) const;
  void protect(const Allocation& allocation, bool open) const;
  void drop_old();

  Allocations allocations_;  // those that are gone too, for a while: reports can name them
  std::map<std::uint64_t, std::uintptr_t> gone_;
  std::uint64_t gone_count_ = 0;
  std::int64_t active_ = 0, peak_ = 0;
  int opened_ = 0;
};

/// Device memory can be touched while this lives.
class OpenMemory {
 public:
  OpenMemory() { DeviceMemory::instance().open(); }
  ~OpenMemory() { DeviceMemory::instance().close(); }
  OpenMemory(const OpenMemory&) = delete;
  OpenMemory& operator=(const OpenMemory&) = delete;
};

/// Pinned memory of the host.
class PinnedMemory {
 public:
  static PinnedMemory& instance();

  void* allocate(std::size_t bytes);
  bool free(void* data);
  bool contains(const void* pointer, std::size_t bytes) const;
  std::int64_t count() const { return static_cast<std::int64_t>(blocks_.size()); }

 private:
  std::map<std::uintptr_t, std::size_t> blocks_;
};

}  // namespace simt
