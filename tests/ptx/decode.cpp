#include "tests/ptx/decode.hpp"

#include <algorithm>
#include <array>

namespace ptx {
namespace {

struct Named {
  std::string_view name;
  Type type;
  std::size_t bytes;
};

constexpr std::array kTypes = {Named{"pred", Type::pred, 8}, Named{"b8", Type::b8, 1},   Named{"b16", Type::b16, 2},
                               Named{"b32", Type::b32, 4},   Named{"b64", Type::b64, 8}, Named{"u8", Type::u8, 1},
                               Named{"u16", Type::u16, 2},   Named{"u32", Type::u32, 4}, Named{"u64", Type::u64, 8},
                               Named{"s8", Type::s8, 1},     Named{"s16", Type::s16, 2}, Named{"s32", Type::s32, 4},
                               Named{"s64", Type::s64, 8},   Named{"f16", Type::f16, 2}, Named{"bf16", Type::bf16, 2},
                               Named{"f32", Type::f32, 4},   Named{"f64", Type::f64, 8}};

}  // namespace

Type type_of(std::string_view name) {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(), [=](const Named& type) { return type.name == name; });
  return found == kTypes.end() ? Type::none : found->type;
}

std::size_t size_of(Type type) {
  return std::find_if(kTypes.begin(), kTypes.end(), [=](const Named& named) { return named.type == type; })->bytes;
}

Mnemonic::Mnemonic(std::string_view text) {
  opcode_ = text.substr(0, text.find('.'));
  for (std::size_t dot = opcode_.size(); dot < text.size();) {
    const std::size_t next = std::min(text.find('.', dot + 1), text.size());
    modifiers_.push_back(text.substr(dot + 1, next - dot - 1));
    dot = next;
  }
}

bool Mnemonic::take(std::string_view modifier) {
  const auto found = std::find(modifiers_.begin(), modifiers_.end(), modifier);
  if (found == modifiers_.end()) return false;
  modifiers_.erase(found);
  return true;
}

void Mnemonic::take_any(std::initializer_list<std::string_view> modifiers) {
  for (const std::string_view modifier : modifiers) take(modifier);
}

Type Mnemonic::take_type() {
  const auto found =
      std::find_if(modifiers_.begin(), modifiers_.end(), [](auto m) { return type_of(m) != Type::none; });
  if (found == modifiers_.end()) return Type::none;
  const Type type = type_of(*found);
  modifiers_.erase(found);
  return type;
}

bool decode(std::string_view text, const Shape& shape, Instruction& i) {
  constexpr std::array kKinds = {decode_integer, decode_floating, decode_compare,  decode_convert,
                                 decode_memory,  decode_control,  decode_multiply, decode_async_copy};
  for (const auto decode_kind : kKinds) {
    Mnemonic name(text);
    Instruction candidate = i;
    if (!decode_kind(name, shape, candidate) || !name.empty()) continue;
    i = candidate;
    return true;
  }
  return false;
}

}  // namespace ptx
