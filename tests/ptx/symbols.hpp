#pragma once

// What the names of a file stand for, and the slots of the function being read.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tests/ptx/module.hpp"

namespace ptx {

struct Symbol {
  enum class Kind { slot, frame, shared, dynamic_shared, address } kind;
  std::uint64_t value = 0;  // the slot; or where the variable begins
  std::size_t bytes = 0;    // of a variable
};

/// Names by scope: the file, the function, and blocks in braces.
class Scopes {
 public:
  void open() { scopes_.emplace_back(); }
  void close() { scopes_.pop_back(); }
  std::size_t depth() const { return scopes_.size(); }
  void add(std::string_view name, Symbol symbol) { scopes_.back().insert_or_assign(std::string(name), symbol); }
  const Symbol* find(std::string_view name) const;

 private:
  std::vector<std::unordered_map<std::string, Symbol>> scopes_ = {{}};
};

/// Gives out the slots of a function and the places of its variables.
class FrameLayout {
 public:
  explicit FrameLayout(Function& function);

  Slot new_register();
  Slot constant(std::uint64_t value);
  Slot frame_address(std::size_t offset);
  /// Throws std::out_of_range for a name that is not known.
  Slot special(std::string_view name);
  /// A variable in the frame.
  Range variable(std::size_t bytes, std::size_t alignment);
  /// The slot of a symbol's value, or of its address plus an offset.
  Slot slot(const Symbol& symbol, std::int64_t offset);
  /// Moves the variables behind the slots, whose number is known now.
  void finish();

 private:
  Slot add_slot(std::uint64_t value);

  Function& function_;
  std::size_t variable_bytes_ = 0;
  std::map<std::uint64_t, Slot> constants_;
  std::map<std::size_t, Slot> addresses_;
  std::map<std::string, Slot, std::less<>> specials_;
};

}  // namespace ptx
