#include <cmath>
#include <map>

#include "tests/ptx/decode.hpp"

namespace ptx {
namespace {

using Equal = decltype([](auto a, auto b) { return a == b; });
using Unequal = decltype([](auto a, auto b) { return a < b || a > b; });  // false for NaN
using Less = decltype([](auto a, auto b) { return a < b; });
using LessEqual = decltype([](auto a, auto b) { return a <= b; });
using Greater = decltype([](auto a, auto b) { return a > b; });
using GreaterEqual = decltype([](auto a, auto b) { return a >= b; });
// True for NaN: the opposite of an ordered comparison.
template <class Ordered>
struct Not {
  bool operator()(auto a, auto b) const { return !Ordered{}(a, b); }
};
using Number = decltype([](auto a, auto b) { return !std::isnan(a) && !std::isnan(b); });

using First = decltype([](bool a, bool) { return a; });
using And = decltype([](bool a, bool b) { return a && b; });
using Or = decltype([](bool a, bool b) { return a || b; });
using Xor = decltype([](bool a, bool b) { return a != b; });

template <class T, class Compare, class Join>
void compare(Thread& t, const Instruction& i) {
  const bool other = std::is_same_v<Join, First> || t.predicate(i, 3);
  t.set<bool>(i.at[0], Join{}(Compare{}(t.get<T>(i.at[1]), t.get<T>(i.at[2])), other));
}

enum class Join { none, both, either, differ };

template <class T, class Compare>
Handler joined(Join join) {
  switch (join) {
    case Join::none:
      return compare<T, Compare, First>;
    case Join::both:
      return compare<T, Compare, And>;
    case Join::either:
      return compare<T, Compare, Or>;
    case Join::differ:
      return compare<T, Compare, Xor>;
  }
  return nullptr;
}

struct Known {
  Handler (*integer)(Type, Join);   // null: not for integers
  Handler (*floating)(Type, Join);  // null: not for floating point
};

template <class Compare>
constexpr auto integers = [](Type type, Join join) {
  return for_integer(type, [join]<class T>(T) -> Handler { return joined<T, Compare>(join); });
};
template <class Compare>
constexpr auto unsigned_ones = [](Type type, Join join) {
  return for_unsigned(type, [join]<class T>(T) -> Handler { return joined<T, Compare>(join); });
};
template <class Compare>
constexpr auto floats = [](Type type, Join join) {
  return for_floating(type, [join]<class T>(T) -> Handler { return joined<T, Compare>(join); });
};

const std::map<std::string_view, Known> kComparisons = {{"eq", {integers<Equal>, floats<Equal>}},
                                                        {"ne", {integers<Unequal>, floats<Unequal>}},
                                                        {"lt", {integers<Less>, floats<Less>}},
                                                        {"le", {integers<LessEqual>, floats<LessEqual>}},
                                                        {"gt", {integers<Greater>, floats<Greater>}},
                                                        {"ge", {integers<GreaterEqual>, floats<GreaterEqual>}},
                                                        {"lo", {unsigned_ones<Less>, nullptr}},
                                                        {"ls", {unsigned_ones<LessEqual>, nullptr}},
                                                        {"hi", {unsigned_ones<Greater>, nullptr}},
                                                        {"hs", {unsigned_ones<GreaterEqual>, nullptr}},
                                                        {"equ", {nullptr, floats<Not<Unequal>>}},
                                                        {"neu", {nullptr, floats<Not<Equal>>}},
                                                        {"ltu", {nullptr, floats<Not<GreaterEqual>>}},
                                                        {"leu", {nullptr, floats<Not<Greater>>}},
                                                        {"gtu", {nullptr, floats<Not<LessEqual>>}},
                                                        {"geu", {nullptr, floats<Not<Less>>}},
                                                        {"num", {nullptr, floats<Number>}},
                                                        {"nan", {nullptr, floats<Not<Number>>}}};

bool decode_setp(Mnemonic& name, const Shape& shape, Instruction& i) {
  const Join join = name.take("and")   ? Join::both
                    : name.take("or")  ? Join::either
                    : name.take("xor") ? Join::differ
                                       : Join::none;
  if (shape != Shape(join == Join::none ? 3 : 4, 1)) return false;
  const Type type = name.take_type();
  for (const auto& [word, known] : kComparisons) {
    if (!name.take(word)) continue;
    const auto make = type == Type::f32 || type == Type::f64 ? known.floating : known.integer;
    i.run = make == nullptr ? nullptr : make(type, join);
    return i.run != nullptr;
  }
  return false;
}

void select(Thread& t, const Instruction& i) { t.set(i.at[0], t.get<std::uint64_t>(i.at[t.predicate(i, 3) ? 1 : 2])); }

}  // namespace

bool decode_compare(Mnemonic& name, const Shape& shape, Instruction& i) {
  if (name.opcode() == "setp") return decode_setp(name, shape, i);
  if (name.opcode() != "selp" || shape != Shape(4, 1) || name.take_type() == Type::none) return false;
  i.run = select;
  return true;
}

}  // namespace ptx
