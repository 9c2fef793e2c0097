#pragma once

// A block of threads that run PTX. A thread runs until it must wait for others: what a warp does together happens when
// all lanes of its mask have come to it, a barrier opens when every thread of the block is at it.

#include <cuda_runtime.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <type_traits>
#include <vector>

#include "tests/ptx/module.hpp"

namespace ptx {

enum class Space : std::uint8_t { generic, global, constant, shared, local };

/// Whether the program may read and write [pointer, pointer + bytes) of global memory.
using Accessible = std::function<bool(const void* pointer, std::size_t bytes)>;

/// Runs a function that is not in the file.
using External = std::function<void(const std::string& name, const std::vector<std::vector<std::byte>>& arguments)>;

struct Launch {
  const Module& module;
  const Function& kernel;
  dim3 grid, block;
  std::size_t dynamic_shared_bytes = 0;
  std::vector<std::vector<std::byte>> arguments;
  Accessible accessible;
  External external;
};

/// Runs all blocks, one after the other. Throws Error at the first fault.
void run(const Launch& launch);

/// Dynamic shared memory begins the window, static variables follow; nothing is at address 0.
inline constexpr std::size_t kDynamicShared = 128, kStaticShared = 256 * 1024;
/// Between variables in memory, so that an access past the end of one is seen.
inline constexpr std::size_t kGap = 64;

/// What all threads of a block see.
class Memory {
 public:
  Memory(const Module& module, const Function& kernel, std::size_t dynamic_bytes, Accessible accessible);

  /// Fills shared memory with values that show.
  void poison_shared();
  // Each: null unless all bytes are of one live variable.
  std::byte* shared(std::uint64_t offset, std::size_t bytes) {
    for (const Range& range : shared_ranges_) {
      if (range.contains(offset, bytes)) return window_.data() + offset;
    }
    return nullptr;
  }
  bool is_shared(const void* pointer) const {
    return pointer >= window_.data() && pointer < window_.data() + window_.size();
  }
  std::uint64_t shared_base() const { return reinterpret_cast<std::uint64_t>(window_.data()); }
  std::byte* global(std::uint64_t address, std::size_t bytes) {
    const std::uint64_t line = address / kLine;
    const bool known = line == known_lines_[line % known_lines_.size()] && (address + bytes - 1) / kLine == line;
    return known ? reinterpret_cast<std::byte*>(address) : unknown_global(address, bytes);
  }
  std::byte* constant(std::uint64_t address, std::size_t bytes) const;

 private:
  std::byte* unknown_global(std::uint64_t address, std::size_t bytes);

  const Module& module_;
  Accessible accessible_;
  std::vector<Range> shared_ranges_;
  std::vector<std::byte> window_;

  static constexpr std::uint64_t kLine = 64;       // bytes
  std::array<std::uint64_t, 1024> known_lines_{};  // that are accessible as a whole, by address
};

enum class State : std::uint8_t { ready, at_warp, at_barrier, ended };

class Thread {
 public:
  Thread(Memory& memory, const Launch& launch, uint3 index, std::uint32_t rank, std::uint64_t* stack);

  void start(uint3 block);
  /// Runs until the thread must wait or has ended.
  void run();

  State state() const { return state_; }
  void resume() { state_ = State::ready; }
  const Instruction& last() const { return *(next_ - 1); }
  const Place& place() const { return function_->places[&last() - function_->code.data()]; }
  uint3 index() const { return index_; }
  std::uint32_t lane() const { return rank_ % 32; }

  /// Throws Error with the place of the thread and of its last instruction.
  [[noreturn]] void fail(const std::string& what) const;

  // For handlers.
  template <class T>
  T get(Slot slot) const {
    T value;
    std::memcpy(&value, slots_ + slot, sizeof value);
    return value;
  }
  template <class T>
  void set(Slot slot, T value) {
    if constexpr (std::is_floating_point_v<T>) {
      slots_[slot] = 0;
      std::memcpy(slots_ + slot, &value, sizeof value);
    } else {
      slots_[slot] =
          static_cast<std::uint64_t>(static_cast<std::conditional_t<std::is_signed_v<T>, std::int64_t, T>>(value));
    }
  }
  bool predicate(const Instruction& i, std::size_t operand) const {
    return (slots_[i.at[operand]] != 0) != ((i.negated >> operand & 1) != 0);
  }
  /// The memory at an address; fails unless all its bytes are of one live variable and it is aligned to its size.
  template <Space kSpace>
  std::byte* at(std::uint64_t address, std::size_t bytes) {
    std::byte* memory = nullptr;
    if (kSpace == Space::global) memory = memory_.global(address, bytes);
    if (kSpace == Space::shared) memory = memory_.shared(address, bytes);
    return memory != nullptr && address % bytes == 0 ? memory : at(kSpace, address, bytes);
  }
  Memory& memory() { return memory_; }
  void jump(std::uint64_t target) { next_ = function_->code.data() + target; }
  void jump_by_index(const Instruction& i);
  void call(const Instruction& i);
  void leave();
  /// Fails if copies are in flight.
  void end();
  void wait(State state) { state_ = state; }

  /// Copies of zeros if `from` is null. They are made as late as they may be, by the wait for their group.
  void begin_copy(std::byte* to, const std::byte* from, std::size_t bytes) {
    copies_.push_back({to, from, bytes, groups_});
  }
  void commit_copies() { ++groups_; }
  /// For all but the last `newest` groups.
  void wait_for_copies(std::uint64_t newest);

  bool carry = false;

 private:
  struct Copy {
    std::byte* to;
    const std::byte* from;
    std::size_t bytes;
    std::uint64_t group;
  };
  struct Frame {
    const Function* function;
    std::uint64_t* slots;
    const Instruction* next;
    const Call* call;
  };

  void call_external(const Call& call);
  void enter(const Function& function, std::uint64_t* slots);
  std::byte* variable(const Range& range) { return reinterpret_cast<std::byte*>(slots_) + range.begin; }
  std::byte* at(Space space, std::uint64_t address, std::size_t bytes);
  std::byte* local(std::uint64_t address, std::size_t bytes);

  Memory& memory_;
  const Launch& launch_;
  const uint3 index_;
  const std::uint32_t rank_;
  std::uint64_t* const stack_;
  uint3 block_{};
  State state_ = State::ready;
  const Function* function_ = nullptr;
  std::uint64_t* slots_ = nullptr;
  const Instruction* next_ = nullptr;
  std::vector<Frame> callers_;
  std::deque<Copy> copies_;  // begun and not made yet
  std::uint64_t groups_ = 0;
};

class Warp {
 public:
  explicit Warp(std::vector<Thread*> lanes) : lanes_(std::move(lanes)) {}
  Thread& lane(std::uint32_t i) const { return *lanes_[i]; }
  /// The lanes that exist and have not ended.
  std::uint32_t live() const;
  /// Runs every lane as far as it comes without other warps.
  void run();

 private:
  bool meet();

  std::vector<Thread*> lanes_;
};

}  // namespace ptx
