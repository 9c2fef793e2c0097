#pragma once

// The vocabulary of cuda/device.hpp for the CPU: each name means what it means there, and tells the rig where it is
// used.

#include <cuda_runtime.h>

#include <atomic>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "tests/simt/launch.hpp"
#include "tests/simt/rounding.hpp"
#include "tests/simt/threads.hpp"

#undef __global__
#undef __device__
#undef __host__
#undef __shared__
#undef __constant__
#undef __managed__
#undef __launch_bounds__
#undef __grid_constant__
#undef __forceinline__
#undef __noinline__  // the standard library has an attribute of this name
#define __global__
#define __device__
#define __host__
#define __shared__ shared_memory_is_declared_with_ORTHANT_SHARED
#define __launch_bounds__(...)
#define __grid_constant__
#define __forceinline__ inline __attribute__((always_inline))

#ifdef ORTHANT_SIMT_COUNTERS
#include "tests/simt/counting.hpp"
#else
#define ORTHANT_SHARED(T, name, extents) SIMT_SHARED_ARRAY(T, name, extents)

#define ORTHANT_DYNAMIC_SHARED(T, name) \
  const ::orthant::cuda::device::Shared<T> name = static_cast<T*>(::simt::dynamic_shared())

namespace orthant::cuda::device {
template <class T>
using Global = T*;
template <class T>
using Shared = T*;
}  // namespace orthant::cuda::device
#endif

/// `name`: a reference to the block's array. The local static's address tells the instances of a template apart.
#define SIMT_SHARED_ARRAY(T, name, extents)         \
  typedef T name##_array extents;                   \
  static char name##_key;                           \
  name##_array& name = *static_cast<name##_array*>( \
      ::simt::shared_array(&name##_key, sizeof(name##_array), alignof(name##_array), #name, ::simt::Site::here()))

namespace orthant::cuda::device {

using ::simt::Site;

inline constexpr unsigned kAllLanes = 0xFFFFFFFFu;

template <class T>
T rounded_product(T a, T b) {
  return a * b;
}
template <class T>
T fast_quotient(T a, T b) {
  return a / b;
}
inline void sync_block(Site site = Site::here()) { ::simt::block_barrier(site); }
inline void sync_warp(unsigned mask = kAllLanes, Site site = Site::here()) { ::simt::warp_barrier(mask, site); }
inline void fence() {
#ifdef ORTHANT_SIMT_COUNTERS
  ::simt::count_fence();
#endif
  ::simt::device_fence();
}
inline void set_conditional(cudaGraphConditionalHandle handle, unsigned value, Site site = Site::here()) {
  ::simt::set_conditional(handle, value, site);
}

namespace detail {

template <class T>
using Bits =
    std::conditional_t<sizeof(T) == 8, std::uint64_t, std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint16_t>>;

template <class T>
T shuffle(T value, ::simt::Lanes lanes, unsigned operand, int width, unsigned mask, Site site) {
  const auto bits = std::bit_cast<Bits<T>>(value);
  return std::bit_cast<T>(static_cast<Bits<T>>(::simt::warp_shuffle(bits, lanes, operand, width, mask, site)));
}

template <class T, class Change>
T atomic_update(T* address, Change change) {
#ifdef ORTHANT_SIMT_COUNTERS
  ::simt::count_atomic();
#endif
  std::atomic_ref<T> atom(*address);
  T old = atom.load(std::memory_order_relaxed);
  while (!atom.compare_exchange_weak(old, change(old), std::memory_order_relaxed)) {
  }
  return old;
}

}  // namespace detail

template <class T>
T shuffle(T value, int lane, int width = 32, unsigned mask = kAllLanes, Site site = Site::here()) {
  return detail::shuffle(value, ::simt::Lanes::kIndexed, static_cast<unsigned>(lane), width, mask, site);
}
template <class T>
T shuffle_xor(T value, int lane_mask, int width = 32, unsigned mask = kAllLanes, Site site = Site::here()) {
  return detail::shuffle(value, ::simt::Lanes::kXor, static_cast<unsigned>(lane_mask), width, mask, site);
}
template <class T>
T shuffle_down(T value, unsigned delta, int width = 32, unsigned mask = kAllLanes, Site site = Site::here()) {
  return detail::shuffle(value, ::simt::Lanes::kDown, delta, width, mask, site);
}
inline unsigned ballot(bool predicate, unsigned mask = kAllLanes, Site site = Site::here()) {
  return ::simt::warp_vote(::simt::Vote::kBallot, predicate, mask, site);
}
inline bool any(bool predicate, unsigned mask = kAllLanes, Site site = Site::here()) {
  return ::simt::warp_vote(::simt::Vote::kAny, predicate, mask, site) != 0;
}
inline bool all(bool predicate, unsigned mask = kAllLanes, Site site = Site::here()) {
  return ::simt::warp_vote(::simt::Vote::kAll, predicate, mask, site) == mask;
}

inline unsigned tf32_word(float x) { return ::simt::tf32_bits(x); }
inline unsigned bf16_word(float low, float high) { return ::simt::bf16_bits(high) << 16 | ::simt::bf16_bits(low); }

namespace detail {

inline void multiply_add(::simt::Factors factors, float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                         Site site) {
  ::simt::Fragments mine{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}, {c[0], c[1], c[2], c[3]}};
  ::simt::warp_multiply(factors, mine, site);
  for (int i = 0; i < 4; ++i) c[i] = mine.c[i];
}

}  // namespace detail

inline void multiply_add_tf32(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2], Site site = Site::here()) {
  detail::multiply_add(::simt::Factors::kTf32, c, a, b, site);
}
inline void multiply_add_bf16(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2], Site site = Site::here()) {
  detail::multiply_add(::simt::Factors::kBf16, c, a, b, site);
}

namespace detail {

/// Counted as one access, and checked to be aligned as the device wants it.
template <int kCount, class T>
T* vector(Global<T> at, [[maybe_unused]] bool is_written, Site site) {
  constexpr std::size_t kBytes = kCount * sizeof(T);
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16);
#ifdef ORTHANT_SIMT_COUNTERS
  T* const address = at.get();
  ::simt::count_access(::simt::Space::kGlobal, address, kBytes, is_written, site);
#else
  T* const address = at;
#endif
  ::simt::check_vector(address, kBytes, site);
  return address;
}

}  // namespace detail

template <int kCount, class T>
void load(Global<const T> from, T (&to)[kCount], Site site = Site::here()) {
  const T* const address = detail::vector<kCount, const T>(from, false, site);
  for (int i = 0; i < kCount; ++i) to[i] = address[i];
}
template <int kCount, class T>
void store(Global<T> to, const T (&from)[kCount], Site site = Site::here()) {
  T* const address = detail::vector<kCount, T>(to, true, site);
  for (int i = 0; i < kCount; ++i) address[i] = from[i];
}

template <int kCount = 1, class T>
void copy_async(Shared<T> to, Global<const T> from, bool valid = true, Site site = Site::here()) {
  constexpr std::size_t kBytes = kCount * sizeof(T);
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16);
#ifdef ORTHANT_SIMT_COUNTERS
  ::simt::begin_copy({to.get(), valid ? from.get() : nullptr, kBytes, site});
  if (valid) ::simt::count_access(::simt::Space::kGlobal, from.get(), kBytes, false, site);
  ::simt::count_access(::simt::Space::kShared, to.get(), kBytes, true, site);
#else
  ::simt::begin_copy({to, valid ? from : nullptr, kBytes, site});
#endif
}
inline void commit_copies() { ::simt::commit_copies(); }
template <int kNewest>
void wait_copies() {
  static_assert(kNewest >= 0);
  // Volatile: not as a call of memcpy, in which the thread sanitizer may see nothing.
  using Word [[gnu::may_alias]] = volatile std::uint32_t;
  while (const ::simt::Copy* const copy = ::simt::take_copy(kNewest)) {
    auto* const to = static_cast<Word*>(copy->to);
    const auto* const from = static_cast<const Word*>(copy->from);
    for (std::size_t i = 0; i < copy->bytes / sizeof(Word); ++i) to[i] = from != nullptr ? from[i] : 0U;
  }
}

template <class T>
T atomic_add(T* address, T value) {
  return detail::atomic_update(address, [value](T old) { return static_cast<T>(old + value); });
}
template <class T>
T atomic_min(T* address, T value) {
  return detail::atomic_update(address, [value](T old) { return value < old ? value : old; });
}
template <class T>
T atomic_max(T* address, T value) {
  return detail::atomic_update(address, [value](T old) { return old < value ? value : old; });
}
template <class T>
T atomic_or(T* address, T value) {
  return detail::atomic_update(address, [value](T old) { return static_cast<T>(old | value); });
}
template <class T>
T atomic_exchange(T* address, T value) {
  return detail::atomic_update(address, [value](T) { return value; });
}

#ifdef ORTHANT_SIMT_COUNTERS
template <class T, ::simt::Space kSpace>
T atomic_add(::simt::Pointer<T, kSpace> address, std::type_identity_t<T> value) {
  return atomic_add(address.get(), value);
}
template <class T, ::simt::Space kSpace>
T atomic_min(::simt::Pointer<T, kSpace> address, std::type_identity_t<T> value) {
  return atomic_min(address.get(), value);
}
template <class T, ::simt::Space kSpace>
T atomic_max(::simt::Pointer<T, kSpace> address, std::type_identity_t<T> value) {
  return atomic_max(address.get(), value);
}
template <class T, ::simt::Space kSpace>
T atomic_or(::simt::Pointer<T, kSpace> address, std::type_identity_t<T> value) {
  return atomic_or(address.get(), value);
}
template <class T, ::simt::Space kSpace>
T atomic_exchange(::simt::Pointer<T, kSpace> address, std::type_identity_t<T> value) {
  return atomic_exchange(address.get(), value);
}
#endif

}  // namespace orthant::cuda::device
