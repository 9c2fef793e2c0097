#pragma once

// What the handles and descriptors of both libraries have in common. Of both: a use that NVIDIA's libraries refuse gets
// the same status here; one that they would not notice, or would crash at, is a report or a fault of the rig's.

#include <cuda_runtime.h>

#include <atomic>
#include <mutex>
#include <set>
#include <string>

#include "tests/simt/rig.hpp"

namespace simt {

struct Handle {
  int device = 0;
  cudaStream_t stream = nullptr;
  std::atomic<bool> in_use = false;
};

/// The live objects of one kind. What has been destroyed, or never was one, is told without touching it.
template <class T>
class Registry {
 public:
  T* add(T* made) {
    const std::lock_guard lock(mutex_);
    live_.insert(made);
    add_handle(1);
    return made;
  }

  bool destroy(const T* object) {
    {
      const std::lock_guard lock(mutex_);
      if (live_.erase(object) == 0) return false;
      add_handle(-1);
    }
    delete object;
    return true;
  }

  bool contains(const T* object) const {
    const std::lock_guard lock(mutex_);
    return live_.count(object) != 0;
  }

 private:
  mutable std::mutex mutex_;
  std::set<const T*> live_;
};

/// A call's time with a handle. The libraries are safe to call from several threads, but NVIDIA advises against one
/// handle for several, as each call depends on the stream and the modes that were set last.
class Use {
 public:
  Use(const char* call, Handle& handle) : handle_(handle) {
    if (handle_.in_use.exchange(true)) report(std::string(call) + ": the handle is in use by another thread");
  }
  ~Use() { handle_.in_use = false; }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

 private:
  Handle& handle_;
};

}  // namespace simt
