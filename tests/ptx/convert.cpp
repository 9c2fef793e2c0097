#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>
#include <limits>

#include "tests/ptx/decode.hpp"

namespace ptx {
namespace {

// Between 16-bit floating point and float: by the toolkit's own functions.
struct Half {
  static float widen(std::uint16_t bits) { return __half2float(__ushort_as_half(bits)); }
  static std::uint16_t round(float value) { return __half_as_ushort(__float2half_rn(value)); }
  static std::uint16_t round(double value) { return __half_as_ushort(__double2half(value)); }
};
struct Brain {
  static float widen(std::uint16_t bits) { return __bfloat162float(__ushort_as_bfloat16(bits)); }
  static std::uint16_t round(float value) { return __bfloat16_as_ushort(__float2bfloat16_rn(value)); }
  static std::uint16_t round(double value) { return __bfloat16_as_ushort(__double2bfloat16(value)); }
};
template <class T>
constexpr bool kIs16 = std::is_same_v<T, Half> || std::is_same_v<T, Brain>;

template <class T>
auto read(const Thread& t, Slot slot) {
  if constexpr (kIs16<T>) {
    return T::widen(t.get<std::uint16_t>(slot));
  } else {
    return t.get<T>(slot);
  }
}

template <class T>
T rounded_to_integer(T value, Rounding rounding) {
  switch (rounding) {
    case Rounding::nearest:
      return std::nearbyint(value);
    case Rounding::zero:
      return std::trunc(value);
    case Rounding::down:
      return std::floor(value);
    case Rounding::up:
      return std::ceil(value);
  }
  return value;
}

/// The nearest value in the range of T; NaN becomes 0.
template <class T, class From>
T clamped(From value) {
  constexpr T kLowest = std::numeric_limits<T>::lowest(), kHighest = std::numeric_limits<T>::max();
  if (value != value) return 0;
  if constexpr (std::is_floating_point_v<From>) {
    if (value <= static_cast<From>(kLowest)) return kLowest;
    if (value >= static_cast<From>(kHighest)) return kHighest;
  } else {
    if (std::cmp_less(value, kLowest)) return kLowest;
    if (std::cmp_greater(value, kHighest)) return kHighest;
  }
  return static_cast<T>(value);
}

template <class To, class From>
void to_integer(Thread& t, const Instruction& i) {
  t.set<To>(i.at[0], clamped<To>(rounded_to_integer(read<From>(t, i.at[1]), i.rounding)));
}
template <class To, class From>
void plain(Thread& t, const Instruction& i) {
  const auto value = read<From>(t, i.at[1]);
  if constexpr (kIs16<To>) {
    t.set<std::uint16_t>(i.at[0], To::round(static_cast<std::conditional_t<sizeof value == 8, double, float>>(value)));
  } else {
    t.set<To>(i.at[0], static_cast<To>(value));
  }
}
template <class To, class From>
void saturated_integer(Thread& t, const Instruction& i) {
  t.set<To>(i.at[0], clamped<To>(t.get<From>(i.at[1])));
}
template <class T>
void whole(Thread& t, const Instruction& i) {
  t.set<T>(i.at[0], rounded_to_integer(t.get<T>(i.at[1]), i.rounding));
}
void saturated_float(Thread& t, const Instruction& i) {
  const auto value = t.get<float>(i.at[1]);
  t.set(i.at[0], value > 0 ? std::min(value, 1.0F) : 0.0F);
}
// Two floats side by side, the first in the high half.
template <class To>
void packed(Thread& t, const Instruction& i) {
  const std::uint32_t high = To::round(t.get<float>(i.at[1])), low = To::round(t.get<float>(i.at[2]));
  t.set(i.at[0], high << 16 | low);
}

/// The modifier that says how a conversion rounds.
enum class Rounds { not_at_all, to_value, to_integer };

struct Modifiers {
  Rounds rounds = Rounds::not_at_all;
  bool saturate = false;
};

template <class To, class From>
Handler conversion(const Modifiers& modifiers, const Instruction& i) {
  constexpr bool kToInteger = std::is_integral_v<To>, kFromInteger = std::is_integral_v<From>;
  if constexpr (kToInteger && kFromInteger) {
    if (modifiers.rounds != Rounds::not_at_all) return nullptr;
    return modifiers.saturate ? saturated_integer<To, From> : plain<To, From>;
  } else if constexpr (kToInteger) {
    return modifiers.rounds == Rounds::to_integer ? to_integer<To, From> : nullptr;  // .sat adds nothing
  } else if constexpr (std::is_same_v<To, From> && !kIs16<To>) {
    if (modifiers.rounds == Rounds::to_integer && !modifiers.saturate) return whole<To>;
    const bool clamps = std::is_same_v<To, float> && modifiers.rounds == Rounds::not_at_all && modifiers.saturate;
    return clamps ? saturated_float : nullptr;
  } else {
    constexpr bool kExact = !kFromInteger && !kIs16<To> && !(std::is_same_v<From, double>);
    const bool stated = modifiers.rounds == (kExact ? Rounds::not_at_all : Rounds::to_value);
    return stated && i.rounding == Rounding::nearest && !modifiers.saturate ? plain<To, From> : nullptr;
  }
}

template <class Make>
Handler for_any(Type type, Make make) {
  switch (type) {
    case Type::u8:
    case Type::b8:
      return make(std::type_identity<std::uint8_t>{});
    case Type::s8:
      return make(std::type_identity<std::int8_t>{});
    case Type::f16:
      return make(std::type_identity<Half>{});
    case Type::bf16:
      return make(std::type_identity<Brain>{});
    case Type::f32:
      return make(std::type_identity<float>{});
    case Type::f64:
      return make(std::type_identity<double>{});
    default:
      return for_integer(type, [make]<class T>(T) -> Handler { return make(std::type_identity<T>{}); });
  }
}

Rounds take_rounding(Mnemonic& name, Rounding& rounding) {
  constexpr std::array<std::string_view, 4> kValue = {"rn", "rz", "rm", "rp"}, kInteger = {"rni", "rzi", "rmi", "rpi"};
  for (std::size_t mode = 0; mode < 4; ++mode) {
    rounding = static_cast<Rounding>(mode);
    if (name.take(kValue[mode])) return Rounds::to_value;
    if (name.take(kInteger[mode])) return Rounds::to_integer;
  }
  rounding = Rounding::nearest;
  return Rounds::not_at_all;
}

// To 10 bits after the point, ties away from zero.
void to_tf32(Thread& t, const Instruction& i) {
  const auto value = t.get<float>(i.at[1]);
  const auto bits = t.get<std::uint32_t>(i.at[1]);
  t.set(i.at[0], std::isnan(value) ? 0x7FFFFFFFU : (bits + 0x1000U) & 0xFFFFE000U);
}

bool decode_cvt(Mnemonic& name, const Shape& shape, Instruction& i) {
  if (name.take("rna")) {
    i.run = to_tf32;
    return shape == Shape{1, 1} && name.take("tf32") && name.take("f32");
  }
  const Modifiers modifiers = {take_rounding(name, i.rounding), name.take("sat")};
  if (shape == Shape{1, 1, 1}) {
    const bool half = name.take("f16x2"), brain = !half && name.take("bf16x2");
    const bool right = modifiers.rounds == Rounds::to_value && i.rounding == Rounding::nearest && !modifiers.saturate;
    if (!right || half == brain || name.take_type() != Type::f32) return false;
    i.run = half ? packed<Half> : packed<Brain>;
    return true;
  }
  if (shape != Shape{1, 1}) return false;
  const Type to = name.take_type(), from = name.take_type();
  i.run = for_any(to, [&]<class To>(std::type_identity<To>) -> Handler {
    return for_any(from,
                   [&]<class From>(std::type_identity<From>) -> Handler { return conversion<To, From>(modifiers, i); });
  });
  return i.run != nullptr;
}

void copy(Thread& t, const Instruction& i) { t.set(i.at[0], t.get<std::uint64_t>(i.at[1])); }
void copy_predicate(Thread& t, const Instruction& i) { t.set<bool>(i.at[0], t.predicate(i, 1)); }

template <class Whole, class Part>
void unpack(Thread& t, const Instruction& i) {
  constexpr std::size_t kParts = sizeof(Whole) / sizeof(Part);
  const Whole whole_value = t.get<Whole>(i.at[kParts]);
  for (std::size_t k = 0; k < kParts; ++k)
    t.set<Part>(i.at[k], static_cast<Part>(whole_value >> (8 * sizeof(Part) * k)));
}
template <class Whole, class Part>
void pack(Thread& t, const Instruction& i) {
  constexpr std::size_t kParts = sizeof(Whole) / sizeof(Part);
  Whole d = 0;
  for (std::size_t k = 0; k < kParts; ++k) d |= Whole{t.get<Part>(i.at[k + 1])} << (8 * sizeof(Part) * k);
  t.set(i.at[0], d);
}

bool decode_mov(Mnemonic& name, const Shape& shape, Instruction& i) {
  const Type type = name.take_type();
  if (shape == Shape{1, 1} && type == Type::pred) {
    i.run = copy_predicate;
  } else if (shape == Shape{1, 1} && type != Type::none) {
    i.run = copy;
  } else if (type == Type::b64 && shape == Shape{2, 1}) {
    i.run = unpack<std::uint64_t, std::uint32_t>;
  } else if (type == Type::b64 && shape == Shape{1, 2}) {
    i.run = pack<std::uint64_t, std::uint32_t>;
  } else if (type == Type::b64 && shape == Shape{4, 1}) {
    i.run = unpack<std::uint64_t, std::uint16_t>;
  } else if (type == Type::b64 && shape == Shape{1, 4}) {
    i.run = pack<std::uint64_t, std::uint16_t>;
  } else if (type == Type::b32 && shape == Shape{2, 1}) {
    i.run = unpack<std::uint32_t, std::uint16_t>;
  } else if (type == Type::b32 && shape == Shape{1, 2}) {
    i.run = pack<std::uint32_t, std::uint16_t>;
  }
  return i.run != nullptr;
}

}  // namespace

bool decode_convert(Mnemonic& name, const Shape& shape, Instruction& i) {
  if (name.opcode() == "cvt") return decode_cvt(name, shape, i);
  return name.opcode() == "mov" && decode_mov(name, shape, i);
}

}  // namespace ptx
