#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/simt/threads.hpp"

namespace simt {

/// The copies from global to shared memory that a thread has begun and not made yet, in the order of their groups.
class CopyQueue {
 public:
  void add(const Copy& copy) { copies_.emplace_back(copy, groups_); }
  void commit() { ++groups_; }
  /// The next copy of all but the last `newest` groups, until the next call of a function of this queue; or null.
  const Copy* take(unsigned newest);
  /// The first copy that is still to be made, or null.
  const Copy* first() const { return taken_ < copies_.size() ? &copies_[taken_].copy : nullptr; }
  std::size_t size() const { return copies_.size() - taken_; }

 private:
  struct Begun {
    Copy copy;
    std::uint64_t group;

    Begun(const Copy& begun, std::uint64_t of_group) : copy(begun), group(of_group) {}
  };
  std::vector<Begun> copies_;
  std::size_t taken_ = 0;
  std::uint64_t groups_ = 0;
};

}  // namespace simt
