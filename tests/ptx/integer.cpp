#include <algorithm>
#include <bit>
#include <limits>
#include <map>

#include "tests/ptx/decode.hpp"

namespace ptx {
namespace {

template <class T>
constexpr int kBits = std::numeric_limits<std::make_unsigned_t<T>>::digits;

/// The type with twice the bits, in which products are exact.
template <class T>
using Wide = std::conditional_t<
    sizeof(T) == 8, std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>,
    std::conditional_t<sizeof(T) == 4, std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>,
                       std::conditional_t<std::is_signed_v<T>, std::int32_t, std::uint32_t>>>;

template <class Op, std::size_t... kOperand>
Handler wrapping(Type type) {
  return for_unsigned(type, []<class T>(T) -> Handler { return apply<T, Op, kOperand...>; });
}
template <class Op, std::size_t... kOperand>
Handler integers(Type type) {
  return for_integer(type, []<class T>(T) -> Handler { return apply<T, Op, kOperand...>; });
}

// What nvcc does with a quotient by zero is not defined; the device gives all ones.
template <class T>
T quotient(T a, T b) {
  return b == 0 ? static_cast<T>(-1) : static_cast<T>(Wide<T>{a} / b);
}

using Add = decltype([](auto a, auto b) { return a + b; });
using Subtract = decltype([](auto a, auto b) { return a - b; });
using Multiply = decltype([](auto a, auto b) { return static_cast<Wide<decltype(a)>>(a) * b; });
using MultiplyAdd = decltype([](auto a, auto b, auto c) { return static_cast<Wide<decltype(a)>>(a) * b + c; });
using High = decltype([](auto a, auto b) { return (static_cast<Wide<decltype(a)>>(a) * b) >> kBits<decltype(a)>; });
using Divide = decltype([](auto a, auto b) { return quotient(a, b); });
using Remainder = decltype([]<class T>(T a, T b) { return Wide<T>{a} - Wide<T>{quotient(a, b)} * b; });
using Absolute = decltype([](auto a) { return a < 0 ? -Wide<decltype(a)>{a} : Wide<decltype(a)>{a}; });
using Negate = decltype([](auto a) { return 0 - a; });
using Minimum = decltype([](auto a, auto b) { return std::min(a, b); });
using Maximum = decltype([](auto a, auto b) { return std::max(a, b); });
using And = decltype([](auto a, auto b) { return a & b; });
using Or = decltype([](auto a, auto b) { return a | b; });
using Xor = decltype([](auto a, auto b) { return a ^ b; });
using Not = decltype([](auto a) { return ~a; });

/// d = a op b with twice the bits of a and b, and with c added.
template <class T, bool kPlus>
void wide(Thread& t, const Instruction& i) {
  using W = Wide<T>;
  using U = std::make_unsigned_t<W>;
  const W product = static_cast<W>(t.get<T>(i.at[1])) * t.get<T>(i.at[2]);
  t.set<U>(i.at[0], static_cast<U>(product) + (kPlus ? t.get<U>(i.at[3]) : 0));
}
template <bool kPlus>
Handler widening(Type type) {
  return for_integer(type, []<class T>(T) -> Handler {
    if constexpr (sizeof(T) == 8)
      return nullptr;
    else
      return wide<T, kPlus>;
  });
}

/// Sums with a carry in and out: c + (a or not a's complement) of extended precision.
template <class T, bool kSubtract, bool kIn, bool kOut>
void carried(Thread& t, const Instruction& i) {
  const T a = t.get<T>(i.at[1]), b = kSubtract ? static_cast<T>(~t.get<T>(i.at[2])) : t.get<T>(i.at[2]);
  const Wide<T> sum = Wide<T>{a} + b + (kIn ? Wide<T>{t.carry} : Wide<T>{kSubtract});
  t.set<T>(i.at[0], static_cast<T>(sum));
  if (kOut) t.carry = (sum >> kBits<T>) != 0;
}
template <bool kSubtract, bool kIn>
Handler carrying(Type type, bool out) {
  return for_unsigned(type, [out]<class T>(T) -> Handler {
    return out ? carried<T, kSubtract, kIn, true> : carried<T, kSubtract, kIn, false>;
  });
}

// Shifts by more than the width are by the width.
template <class T, bool kLeft>
void shift(Thread& t, const Instruction& i) {
  const auto by = t.get<std::uint32_t>(i.at[2]);
  const Wide<T> a = t.get<T>(i.at[1]);
  const auto clamped = std::min<std::uint32_t>(by, kBits<T>);
  t.set<T>(i.at[0], static_cast<T>(kLeft ? static_cast<std::make_unsigned_t<T>>(a) *
                                               (Wide<std::make_unsigned_t<T>>{1} << clamped)
                                         : a >> clamped));
}

template <class T, class Op>
void count(Thread& t, const Instruction& i) {
  t.set<std::uint32_t>(i.at[0], static_cast<std::uint32_t>(Op{}(t.get<T>(i.at[1]))));
}
template <class Op>
Handler counts(Type type) {
  return for_unsigned(type, []<class T>(T) -> Handler { return count<T, Op>; });
}
// The highest bit that differs from the sign; with kShift, by how much to shift it to the top.
template <class T, bool kShift>
void find_bit(Thread& t, const Instruction& i) {
  using U = std::make_unsigned_t<T>;
  const T a = t.get<T>(i.at[1]);
  const U bits = static_cast<U>(a < 0 ? ~a : a);
  const auto highest = static_cast<std::uint32_t>(kBits<T> - 1 - std::countl_zero(bits));
  t.set<std::uint32_t>(i.at[0], bits == 0 ? ~0U : kShift ? kBits<T> - 1 - highest : highest);
}

using Reverse = decltype([]<class T>(T a) {
  T reversed = 0;
  for (int bit = 0; bit < kBits<T>; ++bit) reversed = static_cast<T>(reversed << 1 | (a >> bit & 1));
  return reversed;
});

// Field of `length` bits from `begin`; signed ones repeat their highest bit, which is the sign of the whole if the
// field reaches beyond it.
template <class T>
void extract(Thread& t, const Instruction& i) {
  const T a = t.get<T>(i.at[1]);
  const int begin = static_cast<int>(t.get<std::uint32_t>(i.at[2]) & 0xFF);
  const int length = static_cast<int>(t.get<std::uint32_t>(i.at[3]) & 0xFF);
  const auto bits = static_cast<std::make_unsigned_t<T>>(a);
  const auto bit = [bits](int n) { return (bits >> n & 1) != 0; };
  const bool sign = std::is_signed_v<T> && length > 0 && bit(std::min(begin + length - 1, kBits<T> - 1));
  std::uint64_t d = 0;
  for (int n = 0; n < kBits<T>; ++n) {
    d |= std::uint64_t{n < length && begin + n < kBits<T> ? bit(begin + n) : sign} << n;
  }
  t.set(i.at[0], static_cast<T>(d));
}

template <class T>
void insert(Thread& t, const Instruction& i) {
  const T a = t.get<T>(i.at[1]), b = t.get<T>(i.at[2]);
  const std::uint32_t begin = t.get<std::uint32_t>(i.at[3]) & 0xFF, length = t.get<std::uint32_t>(i.at[4]) & 0xFF;
  T d = b;
  for (std::uint32_t n = 0; n < length && begin + n < kBits<T>; ++n) {
    const auto bit = static_cast<T>(std::uint64_t{1} << (begin + n));
    d = static_cast<T>((d & ~bit) | ((a >> n & 1) != 0 ? bit : 0));
  }
  t.set(i.at[0], d);
}

// Each hexadecimal digit of the selector names a byte of b:a, or with its high bit the sign of it.
void permute(Thread& t, const Instruction& i) {
  const std::uint64_t bytes = t.get<std::uint32_t>(i.at[1]) | std::uint64_t{t.get<std::uint32_t>(i.at[2])} << 32;
  const auto selector = t.get<std::uint32_t>(i.at[3]);
  std::uint32_t d = 0;
  for (int n = 0; n < 4; ++n) {
    const std::uint32_t choice = selector >> (4 * n) & 0xF;
    const auto byte = static_cast<std::uint32_t>(bytes >> (8 * (choice & 7)) & 0xFF);
    d |= ((choice & 8) != 0 ? (byte & 0x80) != 0 ? 0xFF : 0 : byte) << (8 * n);
  }
  t.set(i.at[0], d);
}

// Bit n of the table is the result for the bits n = 4a + 2b + c.
void lookup(Thread& t, const Instruction& i) {
  const auto a = t.get<std::uint32_t>(i.at[1]), b = t.get<std::uint32_t>(i.at[2]), c = t.get<std::uint32_t>(i.at[3]);
  const auto table = t.get<std::uint32_t>(i.at[4]);
  std::uint32_t d = 0;
  for (int bit = 0; bit < 32; ++bit) {
    const std::uint32_t n = (a >> bit & 1) << 2 | (b >> bit & 1) << 1 | (c >> bit & 1);
    d |= (table >> n & 1) << bit;
  }
  t.set(i.at[0], d);
}

// The high (left) or low word of b:a, shifted.
template <bool kLeft, bool kWrap>
void funnel(Thread& t, const Instruction& i) {
  const std::uint64_t both = t.get<std::uint32_t>(i.at[1]) | std::uint64_t{t.get<std::uint32_t>(i.at[2])} << 32;
  const auto c = t.get<std::uint32_t>(i.at[3]);
  const std::uint32_t by = kWrap ? c & 31 : std::min<std::uint32_t>(c, 32);
  t.set(i.at[0], static_cast<std::uint32_t>(kLeft ? both << by >> 32 : both >> by));
}

template <class Op, std::size_t... kOperand>
void predicates(Thread& t, const Instruction& i) {
  t.set<bool>(i.at[0], Op{}(t.predicate(i, kOperand)...));
}
using BothTrue = decltype([](bool a, bool b) { return a && b; });
using OneTrue = decltype([](bool a, bool b) { return a || b; });
using OneOnly = decltype([](bool a, bool b) { return a != b; });
using Untrue = decltype([](bool a) { return !a; });

template <class Op, class PredicateOp, std::size_t... kOperand>
Handler logic(Type type) {
  return type == Type::pred ? static_cast<Handler>(predicates<PredicateOp, kOperand...>)
                            : wrapping<Op, kOperand...>(type);
}

Handler sums(Mnemonic& name, Type type, bool subtract, bool in) {
  const bool out = name.take("cc");
  if (!in && !out) return subtract ? wrapping<Subtract, 1, 2>(type) : wrapping<Add, 1, 2>(type);
  if (subtract) return in ? carrying<true, true>(type, out) : carrying<true, false>(type, out);
  return in ? carrying<false, true>(type, out) : carrying<false, false>(type, out);
}

struct Known {
  std::size_t operands;
  Handler (*handler)(Mnemonic&, Type);
};

const std::map<std::string_view, Known> kOpcodes = {
    {"add", {3, [](Mnemonic& m, Type t) { return sums(m, t, false, false); }}},
    {"addc", {3, [](Mnemonic& m, Type t) { return sums(m, t, false, true); }}},
    {"sub", {3, [](Mnemonic& m, Type t) { return sums(m, t, true, false); }}},
    {"subc", {3, [](Mnemonic& m, Type t) { return sums(m, t, true, true); }}},
    {"mul",
     {3,
      [](Mnemonic& m, Type t) {
        return m.take("lo")     ? wrapping<Multiply, 1, 2>(t)
               : m.take("hi")   ? integers<High, 1, 2>(t)
               : m.take("wide") ? widening<false>(t)
                                : nullptr;
      }}},
    {"mad",
     {4,
      [](Mnemonic& m, Type t) {
        return m.take("lo") ? wrapping<MultiplyAdd, 1, 2, 3>(t) : m.take("wide") ? widening<true>(t) : nullptr;
      }}},
    {"div", {3, [](Mnemonic&, Type t) { return integers<Divide, 1, 2>(t); }}},
    {"rem", {3, [](Mnemonic&, Type t) { return integers<Remainder, 1, 2>(t); }}},
    {"abs", {2, [](Mnemonic&, Type t) { return integers<Absolute, 1>(t); }}},
    {"neg", {2, [](Mnemonic&, Type t) { return wrapping<Negate, 1>(t); }}},
    {"min", {3, [](Mnemonic&, Type t) { return integers<Minimum, 1, 2>(t); }}},
    {"max", {3, [](Mnemonic&, Type t) { return integers<Maximum, 1, 2>(t); }}},
    {"and", {3, [](Mnemonic&, Type t) { return logic<And, BothTrue, 1, 2>(t); }}},
    {"or", {3, [](Mnemonic&, Type t) { return logic<Or, OneTrue, 1, 2>(t); }}},
    {"xor", {3, [](Mnemonic&, Type t) { return logic<Xor, OneOnly, 1, 2>(t); }}},
    {"not", {2, [](Mnemonic&, Type t) { return logic<Not, Untrue, 1>(t); }}},
    {"shl",
     {3, [](Mnemonic&, Type t) { return for_unsigned(t, []<class T>(T) -> Handler { return shift<T, true>; }); }}},
    {"shr",
     {3, [](Mnemonic&, Type t) { return for_integer(t, []<class T>(T) -> Handler { return shift<T, false>; }); }}},
    {"popc", {2, [](Mnemonic&, Type t) { return counts<decltype([](auto a) { return std::popcount(a); })>(t); }}},
    {"clz", {2, [](Mnemonic&, Type t) { return counts<decltype([](auto a) { return std::countl_zero(a); })>(t); }}},
    {"brev", {2, [](Mnemonic&, Type t) { return wrapping<Reverse, 1>(t); }}},
    {"bfind",
     {2,
      [](Mnemonic& m, Type t) {
        return for_integer(t, [by_shift = m.take("shiftamt")]<class T>(T) -> Handler {
          return by_shift ? find_bit<T, true> : find_bit<T, false>;
        });
      }}},
    {"bfe", {4, [](Mnemonic&, Type t) { return for_integer(t, []<class T>(T) -> Handler { return extract<T>; }); }}},
    {"bfi", {5, [](Mnemonic&, Type t) { return for_unsigned(t, []<class T>(T) -> Handler { return insert<T>; }); }}},
    {"prmt", {4, [](Mnemonic&, Type t) { return t == Type::b32 ? static_cast<Handler>(permute) : nullptr; }}},
    {"lop3", {5, [](Mnemonic&, Type t) { return t == Type::b32 ? static_cast<Handler>(lookup) : nullptr; }}},
    {"shf", {4, [](Mnemonic& m, Type t) -> Handler {
               const bool left = m.take("l"), right = m.take("r"), wrap = m.take("wrap"), clamp = m.take("clamp");
               if (t != Type::b32 || left == right || wrap == clamp) return nullptr;
               if (left) return wrap ? funnel<true, true> : funnel<true, false>;
               return wrap ? funnel<false, true> : funnel<false, false>;
             }}}};

}  // namespace

bool decode_integer(Mnemonic& name, const Shape& shape, Instruction& i) {
  const auto known = kOpcodes.find(name.opcode());
  if (known == kOpcodes.end() || shape != Shape(known->second.operands, 1)) return false;
  i.run = known->second.handler(name, name.take_type());
  return i.run != nullptr;
}

}  // namespace ptx
