#pragma once

// What kernels move: of builds with ORTHANT_SIMT_COUNTERS, whose pointers into global and shared memory count.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "tests/simt/site.hpp"

namespace simt {

/// Of all launches of a kernel. An access is that of a warp: what its lanes do at one place at one time.
struct Traffic {
  std::int64_t launches = 0, blocks = 0;
  std::int64_t barriers = 0;                           // of blocks
  std::int64_t bytes_read = 0, bytes_written = 0;      // of global memory, as lanes ask for them
  std::int64_t sectors_read = 0, sectors_written = 0;  // of 32 bytes, as the memory moves them
  std::int64_t shared_accesses = 0;
  std::int64_t bank_conflicts = 0;       // turns that accesses take beyond those that their bytes need
  std::int64_t conflict_ways = 0;        // words that an access wants of one bank, at most; 1: no conflict
  std::int64_t atomics = 0, fences = 0;  // of lanes

  Traffic& operator+=(const Traffic& other);
};

/// By the name of the kernel.
std::map<std::string, Traffic> traffic();
void reset_traffic();
void add_traffic(const std::string& kernel, const Traffic& change);

enum class Space { kGlobal, kShared };

/// Called by counting pointers, in a kernel.
void count_access(Space space, const void* address, std::size_t bytes, bool write, Site site);
void count_atomic();
void count_fence();

/// The accesses of a block, warp by warp. Threads run one after another: the n-th access at a place by a lane belongs
/// to the n-th of the other lanes, counted from the last point at which all lanes met: a barrier, or an operation of
/// the warp that all of them took part in. (Operations of some lanes end nothing: the others' accesses go on.)
class AccessCounter {
 public:
  void add(unsigned thread, Space space, const void* address, std::size_t bytes, bool write, Site site);
  /// Ends what belongs together: of all warps, at barriers and at the end of the block; of one.
  void flush();
  void flush(unsigned warp);

  Traffic sum;

 private:
  struct Place {
    const char* file;
    int line;
    Space space;
    bool write;
    unsigned occurrence;
    bool operator==(const Place&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Place& place) const;
  };
  struct Access {
    unsigned lanes = 0;
    std::size_t bytes = 0;
    std::uintptr_t addresses[32] = {};
  };

  void count(const Place& place, const Access& access);

  bool any_[32] = {};
  std::unordered_map<Place, Access, Hash> of_warp_[32];
  std::unordered_map<Place, unsigned, Hash> of_thread_[1024];
};

}  // namespace simt
