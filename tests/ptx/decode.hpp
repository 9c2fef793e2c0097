#pragma once

// From the name of an instruction, add.rn.ftz.f32, to its handler. Whoever decodes takes the parts of the name that it
// knows; an instruction of which a part is left over is not known.

#include <cstdint>
#include <string_view>
#include <vector>

#include "tests/ptx/machine.hpp"

namespace ptx {

enum class Type : std::uint8_t {
  none,
  pred,
  b8,
  b16,
  b32,
  b64,
  u8,
  u16,
  u32,
  u64,
  s8,
  s16,
  s32,
  s64,
  f16,
  bf16,
  f32,
  f64
};

Type type_of(std::string_view name);
std::size_t size_of(Type type);

class Mnemonic {
 public:
  explicit Mnemonic(std::string_view text);

  const std::string_view opcode() const { return opcode_; }
  /// Removes a modifier; whether it was there.
  bool take(std::string_view modifier);
  void take_any(std::initializer_list<std::string_view> modifiers);
  /// Removes the first of the types.
  Type take_type();
  bool empty() const { return modifiers_.empty(); }

 private:
  std::string_view opcode_;
  std::vector<std::string_view> modifiers_;
};

/// The number of parts of each operand: {4, 1} of ld.v4.f32 {a, b, c, d}, [e].
using Shape = std::vector<std::size_t>;

/// Fills in the handler; false if the instruction is not known.
bool decode(std::string_view text, const Shape& shape, Instruction& i);

// The kinds of instructions. False if it is not of that kind, or not known; what was taken and filled in does not count
// then.
bool decode_integer(Mnemonic& name, const Shape& shape, Instruction& i);
bool decode_floating(Mnemonic& name, const Shape& shape, Instruction& i);
bool decode_compare(Mnemonic& name, const Shape& shape, Instruction& i);
bool decode_convert(Mnemonic& name, const Shape& shape, Instruction& i);
bool decode_memory(Mnemonic& name, const Shape& shape, Instruction& i);
bool decode_control(Mnemonic& name, const Shape& shape, Instruction& i);
bool decode_multiply(Mnemonic& name, const Shape& shape, Instruction& i);
bool decode_async_copy(Mnemonic& name, const Shape& shape, Instruction& i);

/// d = op(a, b, ...), each operand of type T.
template <class T, class Op, std::size_t... kOperand>
void apply(Thread& t, const Instruction& i) {
  t.set<T>(i.at[0], static_cast<T>(Op{}(t.get<T>(i.at[kOperand])...)));
}

/// The handler of a type: `make` gets a value of the C++ type of integers.
template <class Make>
Handler for_unsigned(Type type, Make make) {
  switch (type) {
    case Type::b16:
    case Type::u16:
    case Type::s16:
      return make(std::uint16_t{});
    case Type::b32:
    case Type::u32:
    case Type::s32:
      return make(std::uint32_t{});
    case Type::b64:
    case Type::u64:
    case Type::s64:
      return make(std::uint64_t{});
    default:
      return nullptr;
  }
}
template <class Make>
Handler for_integer(Type type, Make make) {
  switch (type) {
    case Type::s16:
      return make(std::int16_t{});
    case Type::s32:
      return make(std::int32_t{});
    case Type::s64:
      return make(std::int64_t{});
    default:
      return for_unsigned(type, make);
  }
}
template <class Make>
Handler for_floating(Type type, Make make) {
  switch (type) {
    case Type::f32:
      return make(float{});
    case Type::f64:
      return make(double{});
    default:
      return nullptr;
  }
}

}  // namespace ptx
