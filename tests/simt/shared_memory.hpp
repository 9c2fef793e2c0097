#pragma once

#include <cstddef>
#include <string>

#include "tests/simt/site.hpp"

namespace simt {

/// The shared memory of one block at a time: arrays declared in kernels from the front, each followed by a gap, and the
/// launch's dynamic memory at the end, before a guard page. What no array covers must not be touched.
class SharedMemory {
 public:
  static constexpr std::size_t kStaticLimit = 48 * 1024;

  SharedMemory();
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  /// For a new block: forgets all arrays.
  void start(std::size_t dynamic_bytes);

  /// The array of this key: made by the first thread that asks.
  void* array(const void* key, std::size_t bytes, std::size_t alignment, const char* name, Site site);
  void* dynamic() const { return dynamic_; }
  std::size_t static_bytes() const { return static_bytes_; }

  /// Whether all these bytes are of one array.
  bool covers(const void* address, std::size_t bytes) const;

  /// What was written outside of arrays, in words; empty if nothing.
  std::string damage() const;

  /// Addresses for the thread sanitizer to synchronise at, which belong to nobody else.
  const void* barrier(unsigned phase) const { return memory_ + phase % 2; }
  const void* warp(unsigned warp, unsigned lane, unsigned phase) const {
    return memory_ + 2 + (warp * 32 + lane) * 2 + phase % 2;
  }

  bool contains(const void* address) const { return address >= memory_ && address < memory_ + kBytes + kGuard; }

 private:
  struct Array {
    const void* key;
    char* data;
    std::size_t bytes;
    const char* name;
    Site site;
  };
  static constexpr std::size_t kMarks = 4096, kGuard = 64 * 1024, kGap = 64;
  static constexpr std::size_t kMaxArrays = 64;
  static constexpr std::size_t kBytes = kMarks + 2 * kStaticLimit + 256 * 1024;

  char* memory_ = nullptr;
  char* next_ = nullptr;  // the first byte of no array
  char* dynamic_ = nullptr;
  std::size_t dynamic_bytes_ = 0, static_bytes_ = 0, count_ = 0;
  Array arrays_[kMaxArrays];
};

}  // namespace simt
