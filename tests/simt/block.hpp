#pragma once

// One block at a time, its threads as fibers on one thread of the operating system. Fibers take turns in the order in
// which they become ready, so thread 0 runs ahead to the next barrier: what it must wait for and does not, shows.

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "tests/simt/async_copies.hpp"
#include "tests/simt/fiber.hpp"
#include "tests/simt/grid.hpp"
#include "tests/simt/shared_memory.hpp"
#include "tests/simt/site.hpp"
#include "tests/simt/threads.hpp"
#include "tests/simt/traffic.hpp"

namespace simt {

/// One for each intrinsic: lanes that come together by different ones do not meet on a device.
enum class WarpOp { kSync, kShuffle, kShuffleXor, kShuffleDown, kAny, kAll, kBallot, kMultiplyTf32, kMultiplyBf16 };

/// What all lanes of an operation must come with.
struct WarpTerms {
  WarpOp op = WarpOp::kSync;
  unsigned mask = 0;
  int width = 0;  // shuffles
  bool operator==(const WarpTerms&) const = default;
  bool shuffles() const { return op == WarpOp::kShuffle || op == WarpOp::kShuffleXor || op == WarpOp::kShuffleDown; }
};

/// What a lane brings to an operation of its warp.
struct WarpCall {
  WarpTerms terms;
  std::uint64_t bits;
  unsigned source;  // the lane it reads (shuffles)
  Site site;
  Fragments* fragments = nullptr;  // products
};

class Block {
 public:
  /// Runs the block of this index; false if it failed.
  bool run(Launch& launch, uint3 index);
  /// After the last block of a grid: what its threads did happens before what the calling thread does next.
  void end_share();

  // For the thread that runs.
  void barrier(Site site);
  std::uint64_t warp(const WarpCall& call);
  unsigned lane() const { return running_->lane; }
  unsigned thread() const { return running_->warp * 32 + running_->lane; }
  CopyQueue& copies() { return running_->copies; }
  AccessCounter& accesses() { return accesses_; }
  SharedMemory& shared() { return shared_; }
  Launch& launch() { return *launch_; }
  /// Reports what this thread did. To be followed by stop(), in a statement of its own: no string must be alive then.
  void accuse(const std::string& what, Site site, cudaError_t error = cudaErrorLaunchFailure);
  void accuse(const std::string& what, const std::string& where, cudaError_t error);
  /// Ends the block, and abandons its threads where they are.
  [[noreturn]] void stop();
  std::string place() const;
  bool in_thread() const { return running_ != nullptr; }
  /// The top of the stack of the thread that runs.
  char* stack_top() const { return running_->stack.top(); }
  bool on_stack_guard(const void* address) const { return running_->stack.guards(address); }

 private:
  enum class State { kReady, kAtBarrier, kInWarp, kDone };
  struct Fiber {
    Context context;
    Stack stack;
    uint3 index{};
    unsigned lane = 0, warp = 0;
    State state = State::kDone;
    WarpCall call{};
    std::uint64_t result = 0;
    unsigned calls = 0;  // operations of the warp that it was the lowest lane of
    CopyQueue copies;
  };
  struct Warp {
    unsigned live = 0, waiting = 0;
    WarpTerms terms;  // what all lanes that wait came with, unless they differ (mask 0)
    Fiber* lanes[32] = {};
  };
  static constexpr unsigned kMaxThreads = 1024;

  static void enter();
  void prepare(Launch& launch, uint3 index);
  void begin_thread();
  void end_thread();
  void make_ready(Fiber& fiber);
  void leave();
  void resume(Context& from);
  void check_mask(const Warp& warp, const WarpCall& call);
  void complete(Warp& warp, unsigned mask);
  std::string place(const Fiber* fiber) const;
  std::string waiting() const;
  void abandon();

  Launch* launch_ = nullptr;
  uint3 index_{};
  Context main_;
  bool main_adopted_ = false;
  std::unique_ptr<Fiber> fibers_[kMaxThreads];
  Fiber* threads_[kMaxThreads] = {};
  Fiber* ready_[kMaxThreads] = {};
  unsigned ready_first_ = 0, ready_count_ = 0;
  Warp warps_[kMaxThreads / 32];
  Fiber* running_ = nullptr;
  unsigned count_ = 0, live_ = 0, arrived_ = 0, phase_ = 0, turn_ = 0;
  Site barrier_site_;
  const Fiber* barrier_first_ = nullptr;
  bool failed_ = false;
  char end_ = 0;  // where threads that end are waited for, for the thread sanitizer
  SharedMemory shared_;
  AccessCounter accesses_;
};

/// The block that the calling thread runs, or null.
Block* current_block();

}  // namespace simt
