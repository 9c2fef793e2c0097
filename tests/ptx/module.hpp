#pragma once

// A file of PTX, ready to run: functions whose instructions name a handler and the places of their operands.

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace ptx {

/// What is wrong with a file, or with a program that runs; says where.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Thread;
class Warp;
struct Instruction;
struct Function;

using Handler = void (*)(Thread&, const Instruction&);

/// What the threads of `mask` do together, once all of them have come to the instruction.
using Together = void (*)(Warp&, std::uint32_t mask, const Instruction&);

enum class Rounding : std::uint8_t { nearest, zero, down, up };

using Slot = std::uint16_t;

/// In place of the operand that is the mask: every lane of the warp takes part.
inline constexpr std::int64_t kNoMask = -1;

/// Every operand is a slot, 64 bits of the thread's frame: a register, a constant, an address of a variable or a
/// special register. What is narrower is in the low bits.
struct Instruction {
  Handler run = nullptr;
  Together together = nullptr;
  // Of an address: what is added. Of a branch: an instruction; of a call, or of a branch by index: a row of the
  // function's table. Of what a warp does together: the operand that is the mask, or kNoMask.
  std::int64_t offset = 0;
  std::array<Slot, 14> at{};  // slots, in the order of the text; the parts of a vector one after the other
  Slot guard = 0;             // executed if this predicate is guard_value
  bool guard_value = true;
  std::uint16_t negated = 0;  // bit i: predicate at[i] is read negated
  Rounding rounding = Rounding::nearest;
  bool flush = false, saturate = false;  // .ftz, .sat
};

/// Where an instruction is, for reports.
struct Place {
  std::string text;
  int line = 0;
  int source = 0, source_line = 0;  // by .loc; 0: none
};

/// A range of memory: in a frame, from its beginning; in shared memory, from the beginning of the window.
struct Range {
  std::size_t begin = 0, bytes = 0;

  bool contains(std::uint64_t first, std::size_t count) const {
    return first >= begin && count <= bytes && first - begin <= bytes - count;
  }
};

/// Whether one of the ranges contains [begin, begin + bytes).
bool covers(const std::vector<Range>& ranges, std::uint64_t begin, std::size_t bytes);

enum class Special : std::uint8_t { tid, ntid, ctaid, nctaid, laneid, warpid };

struct Call {
  const Function* callee = nullptr;
  std::vector<Slot> results, arguments;  // slots with the addresses of the caller's variables
};

struct Function {
  std::string name;
  bool defined = false, has_dynamic_shared = false;
  std::uint64_t most_threads = 0;  // of a block; 0: no bound
  std::vector<Range> results, parameters;
  std::vector<Instruction> code;
  std::vector<Place> places;  // of each instruction
  std::vector<Call> calls;
  std::vector<std::vector<std::uint64_t>> branch_tables;
  std::vector<Range> shared;  // used here or in what is called

  // A frame: slots, then the variables (.param, .local) of the function.
  std::vector<std::uint64_t> image;  // what the slots hold at first
  struct FrameAddress {
    Slot slot;
    std::size_t offset;
  };
  std::vector<FrameAddress> frame_addresses;
  struct SpecialSlot {
    Slot slot;
    Special special;
    int axis;
  };
  std::vector<SpecialSlot> specials;
  std::vector<Range> variables;
  std::size_t frame_bytes = 0;
  std::size_t stack_bytes = 0;  // with the deepest chain of calls
};

/// The slots that every function has: a constant true predicate, and one for results that nobody wants.
inline constexpr Slot kTrueSlot = 0, kSinkSlot = 1;

/// Functions that a file may call and that are not in it: whoever launches must have them.
inline constexpr std::array kExternalFunctions = {"cudaGraphSetConditional"};

struct Module {
  std::string name, target;
  std::map<std::string, std::unique_ptr<Function>> functions;
  std::map<std::string, Function*> kernels;
  std::map<int, std::string> sources;              // by the number that .loc uses
  std::deque<std::vector<std::uint64_t>> storage;  // of .global and .const variables
  std::vector<Range> global_variables;             // their addresses
  std::vector<Range> const_variables;
  std::size_t shared_bytes = 0;  // of all static shared variables of the file, with gaps between them
};

/// Reads a file, or text in place of one. Throws Error for whatever is not known, with its line.
std::unique_ptr<Module> load(const std::filesystem::path& path);
std::unique_ptr<Module> parse(const std::string& name, const std::string& text);

}  // namespace ptx
