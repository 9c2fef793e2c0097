#pragma once

// What kernels are written with: the only header of CUDA's that they see. Every barrier, shuffle, vote, atomic and
// fence goes through this vocabulary, and so does every array in shared memory, so that the test rig (tests/simt) can
// compile the same sources for the CPU and watch them.

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#ifdef ORTHANT_SIMT
#include "tests/simt/device.hpp"
#else

/// An array in shared memory, aligned to 16 bytes: ORTHANT_SHARED(float, tile, [32][33]).
#define ORTHANT_SHARED(T, name, extents) __shared__ __align__(16) T name extents

/// `name`: a T* to the dynamic shared memory of the launch, aligned to 16 bytes. Once for each T in a kernel.
#define ORTHANT_DYNAMIC_SHARED(T, name)                                         \
  extern __shared__ __align__(16) unsigned char orthant_dynamic_shared_bytes[]; \
  const ::orthant::cuda::device::Shared<T> name = reinterpret_cast<T*>(orthant_dynamic_shared_bytes)

namespace orthant::cuda::device {

/// Pointers into global and shared memory, which the rig's counters replace by counting ones.
template <class T>
using Global = T*;
template <class T>
using Shared = T*;

inline constexpr unsigned kAllLanes = 0xFFFFFFFFu;

/// a b, rounded by itself: never half of a fused multiply-add, which compilers make on one path and not on another.
template <class T>
__device__ inline T rounded_product(T a, T b) {
  if constexpr (sizeof(T) == sizeof(float))
    return __fmul_rn(a, b);
  else
    return __dmul_rn(a, b);
}

/// a / b, of float by the device's reciprocal: off by up to two units in the last place, and 0 where |b| is beyond
/// 2^126. b must not be subnormal.
template <class T>
__device__ inline T fast_quotient(T a, T b) {
  if constexpr (sizeof(T) == sizeof(float)) {
    float inverse;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(inverse) : "f"(b));
    return a * inverse;
  } else {
    return a / b;
  }
}

/// One barrier per source line: the rig tells barriers apart by their lines.
__device__ inline void sync_block() { __syncthreads(); }
__device__ inline void sync_warp(unsigned mask = kAllLanes) { __syncwarp(mask); }
/// Orders this thread's writes before its later ones for all threads of the device.
__device__ inline void fence() { __threadfence(); }

/// Whether the conditional node of the running graph goes on.
__device__ inline void set_conditional(cudaGraphConditionalHandle handle, unsigned value) {
  cudaGraphSetConditional(handle, value);
}

/// The value of another lane. `width`: lanes are divided into groups of this power of two.
template <class T>
__device__ inline T shuffle(T value, int lane, int width = 32, unsigned mask = kAllLanes) {
  return __shfl_sync(mask, value, lane, width);
}
template <class T>
__device__ inline T shuffle_xor(T value, int lane_mask, int width = 32, unsigned mask = kAllLanes) {
  return __shfl_xor_sync(mask, value, lane_mask, width);
}
template <class T>
__device__ inline T shuffle_down(T value, unsigned delta, int width = 32, unsigned mask = kAllLanes) {
  return __shfl_down_sync(mask, value, delta, width);
}
__device__ inline unsigned ballot(bool predicate, unsigned mask = kAllLanes) { return __ballot_sync(mask, predicate); }
__device__ inline bool any(bool predicate, unsigned mask = kAllLanes) { return __any_sync(mask, predicate) != 0; }
__device__ inline bool all(bool predicate, unsigned mask = kAllLanes) { return __all_sync(mask, predicate) != 0; }

/// Words in which tensor cores take factors of products: a number rounded to tf32 (10 bits after the point, ties away
/// from zero), or two rounded to bf16 (7 bits, ties to even), the first in the low half.
__device__ inline unsigned tf32_word([[maybe_unused]] float x) {
#if __CUDA_ARCH__ >= 800
  unsigned word;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(word) : "f"(x));
  return word;
#else
  __trap();  // a Context refuses the modes that come here
  return 0;
#endif
}
__device__ inline unsigned bf16_word([[maybe_unused]] float low, [[maybe_unused]] float high) {
#if __CUDA_ARCH__ >= 800
  unsigned word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
#else
  __trap();
  return 0;
#endif
}

/// C += A B of the 32 lanes of a warp, on tensor cores, in float. With g = lane / 4 and t = lane % 4 a lane has of C
/// (16 x 8) the entries (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1). tf32: of A (16 x 8) (g, t), (g + 8, t), (g,
/// t + 4), (g + 8, t + 4), of B (8 x 8) (t, g), (t + 4, g).
__device__ inline void multiply_add_tf32([[maybe_unused]] float (&c)[4], [[maybe_unused]] const unsigned (&a)[4],
                                         [[maybe_unused]] const unsigned (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  __trap();
#endif
}
/// bf16, pairs that begin at: of A (16 x 16) (g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8), each with the entry on
/// its right; of B (16 x 8) (2t, g), (2t + 8, g), each with the entry below.
__device__ inline void multiply_add_bf16([[maybe_unused]] float (&c)[4], [[maybe_unused]] const unsigned (&a)[4],
                                         [[maybe_unused]] const unsigned (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  __trap();
#endif
}

/// kCount values that lie next to each other, 4, 8 or 16 bytes in all and aligned to as many, by one instruction.
template <int kCount, class T>
struct alignas(kCount * sizeof(T)) Vector {
  T values[kCount];
};
template <int kCount, class T>
__device__ inline void load(Global<const T> from, T (&to)[kCount]) {
  const auto vector = *reinterpret_cast<const Vector<kCount, T>*>(from);
  for (int i = 0; i < kCount; ++i) to[i] = vector.values[i];
}
template <int kCount, class T>
__device__ inline void store(Global<T> to, const T (&from)[kCount]) {
  Vector<kCount, T> vector;
  for (int i = 0; i < kCount; ++i) vector.values[i] = from[i];
  *reinterpret_cast<Vector<kCount, T>*>(to) = vector;
}

/// Begins to copy kCount values from global to shared memory, which no register and no instruction of this thread waits
/// for: 4, 8 or 16 bytes in all, aligned to as many. Zeros if not `valid`; `from` is not read then. Neither side may be
/// touched until the thread has waited for the group of the copy, and others see it after a barrier that follows the
/// wait. A copy costs the sectors and banks that a read and a write do, and one instruction where they are two. Below
/// compute capability 8.0 it is made at once.
template <int kCount = 1, class T>
__device__ inline void copy_async(Shared<T> to, Global<const T> from, bool valid = true) {
  constexpr int kBytes = kCount * static_cast<int>(sizeof(T));
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16);
#if __CUDA_ARCH__ >= 800
  const auto to_shared = static_cast<unsigned>(__cvta_generic_to_shared(to));
  const std::size_t from_global = __cvta_generic_to_global(from);
  const int bytes_read = valid ? kBytes : 0;
  if constexpr (kBytes == 16) {  // past L1, which only copies of 16 bytes can
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to_shared), "l"(from_global), "r"(bytes_read)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(to_shared), "l"(from_global), "n"(kBytes),
                 "r"(bytes_read)
                 : "memory");
  }
#else
  for (int i = 0; i < kCount; ++i) to[i] = valid ? from[i] : T{};
#endif
}
/// Ends a group: the copies that this thread has begun since its last one, which may be none.
__device__ inline void commit_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
/// Waits until all but the last kNewest groups of this thread are there. What is in no group yet is not waited for.
template <int kNewest>
__device__ inline void wait_copies() {
  static_assert(kNewest >= 0);
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(kNewest) : "memory");
#endif
}

/// Relaxed atomics on global or shared memory; each returns the value before.
template <class T>
__device__ inline T atomic_add(T* address, T value) {
  return atomicAdd(address, value);
}
template <class T>
__device__ inline T atomic_min(T* address, T value) {
  return atomicMin(address, value);
}
template <class T>
__device__ inline T atomic_max(T* address, T value) {
  return atomicMax(address, value);
}
template <class T>
__device__ inline T atomic_or(T* address, T value) {
  return atomicOr(address, value);
}
template <class T>
__device__ inline T atomic_exchange(T* address, T value) {
  return atomicExch(address, value);
}

}  // namespace orthant::cuda::device
#endif

/// Unrolls the loop that follows, whose bounds are constant; keeps it a loop.
#ifdef __CUDACC__
#define ORTHANT_UNROLL_LOOP _Pragma("unroll")
#define ORTHANT_KEEP_LOOP _Pragma("unroll 1")
#else
#define ORTHANT_UNROLL_LOOP
#define ORTHANT_KEEP_LOOP
#endif
