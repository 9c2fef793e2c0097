#pragma once

// The sanitizers' interfaces, each function empty in builds without that sanitizer. SIMT_TSAN comes from CMake, and
// SIMT_ASAN in the rig: the scheduler is compiled without these sanitizers' checks, but speaks for the threads that it
// runs.

#include <cstddef>
#include <cstdint>

#ifdef __has_feature
#if __has_feature(address_sanitizer) && !defined(SIMT_ASAN)
#define SIMT_ASAN
#endif
#if __has_feature(memory_sanitizer)
#define SIMT_MSAN
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(SIMT_ASAN)
#define SIMT_ASAN
#endif

#ifdef SIMT_ASAN
#include <sanitizer/asan_interface.h>
#endif
#ifdef SIMT_MSAN
#include <sanitizer/msan_interface.h>
#endif
#ifdef SIMT_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if defined(SIMT_ASAN) || defined(SIMT_MSAN) || defined(SIMT_TSAN)
#define SIMT_SANITIZED
#include <sanitizer/common_interface_defs.h>
#endif

namespace simt::sanitizer {

/// An access is an error (address sanitizer).
inline void forbid([[maybe_unused]] const volatile void* data, [[maybe_unused]] std::size_t bytes) {
#ifdef SIMT_ASAN
  __asan_poison_memory_region(data, bytes);
#endif
}
inline void allow([[maybe_unused]] const volatile void* data, [[maybe_unused]] std::size_t bytes) {
#ifdef SIMT_ASAN
  __asan_unpoison_memory_region(data, bytes);
#endif
}

/// A decision by these bytes is an error until they are written (memory sanitizer).
inline void mark_uninitialised([[maybe_unused]] const volatile void* data, [[maybe_unused]] std::size_t bytes) {
#ifdef SIMT_MSAN
  __msan_poison(data, bytes);
#endif
}
inline void mark_initialised([[maybe_unused]] const volatile void* data, [[maybe_unused]] std::size_t bytes) {
#ifdef SIMT_MSAN
  __msan_unpoison(data, bytes);
#endif
}

/// What happened before release(x) happens before what follows acquire(x) (thread sanitizer).
inline void release([[maybe_unused]] const void* object) {
#ifdef SIMT_TSAN
  __tsan_release(const_cast<void*>(object));
#endif
}
inline void acquire([[maybe_unused]] const void* object) {
#ifdef SIMT_TSAN
  __tsan_acquire(const_cast<void*>(object));
#endif
}

}  // namespace simt::sanitizer
