#pragma once

// What a thread of a kernel asks of the rig. The vocabulary of kernels (device.hpp) is written over these; a call may
// switch to another thread of the block and returns when this one goes on.

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "tests/simt/site.hpp"

// Variables and not macros: headers of CUDA's have parameters with these names. Of this model, they are reached without
// a call, though from a module that is loaded while the program runs.
extern constinit thread_local uint3 threadIdx [[gnu::tls_model("initial-exec")]];
extern constinit thread_local uint3 blockIdx [[gnu::tls_model("initial-exec")]];
extern constinit thread_local dim3 blockDim [[gnu::tls_model("initial-exec")]];
extern constinit thread_local dim3 gridDim [[gnu::tls_model("initial-exec")]];

namespace simt {

void block_barrier(Site site);
void warp_barrier(unsigned mask, Site site);

enum class Lanes { kIndexed, kXor, kDown };
/// The bits of `value` in the lane that `lanes` and `operand` name, as __shfl_sync and its kin choose it.
std::uint64_t warp_shuffle(std::uint64_t bits, Lanes lanes, unsigned operand, int width, unsigned mask, Site site);
/// The lanes of the mask whose predicate is true, of which the intrinsic makes its answer.
enum class Vote { kAny, kAll, kBallot };
unsigned warp_vote(Vote vote, bool predicate, unsigned mask, Site site);

/// What a lane has of A (16 x k), B (k x 8) and C (16 x 8), as mma.sync deals them out: of tf32 k is 8, of bf16 16.
struct Fragments {
  unsigned a[4], b[2];
  float c[4];
};
enum class Factors { kTf32, kBf16 };
/// C becomes A B + C, once all lanes have come.
void warp_multiply(Factors factors, Fragments& fragments, Site site);

/// A copy from global to shared memory that a thread has begun; of zeros if `from` is null.
struct Copy {
  void* to;
  const void* from;
  std::size_t bytes;
  Site site;
};
/// Checks alignment and range, and remembers the copy, which is made as late as it may be: at the wait for its group.
void begin_copy(const Copy& copy);
void commit_copies();
/// Takes the first copy of all but the last `newest` groups, for the kernel to make: the thread sanitizer sees what
/// kernels do and not what the rig does.
const Copy* take_copy(unsigned newest);

/// Stops the thread if an access to so many bytes of global memory at once is not aligned to as many.
void check_vector(const void* address, std::size_t bytes, Site site);

void device_fence();

/// The block's array in shared memory that is declared at `site`; `key` tells the instances of a template apart.
void* shared_array(const void* key, std::size_t bytes, std::size_t alignment, const char* name, Site site);
void* dynamic_shared();

/// Sets the value of a conditional node's handle.
void set_conditional(cudaGraphConditionalHandle handle, unsigned value, Site site);

}  // namespace simt
