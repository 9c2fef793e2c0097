#include <algorithm>
#include <map>

#include "tests/ptx/decode.hpp"

namespace ptx {
namespace {

// The address is the operand after the kParts destinations, or before the sources.
template <class T, std::size_t kParts, Space kSpace>
void load(Thread& t, const Instruction& i) {
  const std::byte* from = t.at<kSpace>(t.get<std::uint64_t>(i.at[kParts]) + i.offset, kParts * sizeof(T));
  for (std::size_t k = 0; k < kParts; ++k) {
    T value;
    std::memcpy(&value, from + k * sizeof(T), sizeof(T));
    t.set(i.at[k], value);
  }
}
template <class T, std::size_t kParts, Space kSpace>
void store(Thread& t, const Instruction& i) {
  std::byte* to = t.at<kSpace>(t.get<std::uint64_t>(i.at[0]) + i.offset, kParts * sizeof(T));
  for (std::size_t k = 0; k < kParts; ++k) {
    const T value = t.get<T>(i.at[k + 1]);
    std::memcpy(to + k * sizeof(T), &value, sizeof(T));
  }
}

template <class T, std::size_t kParts>
Handler access(bool loads, Space space) {
  switch (space) {
    case Space::generic:
      return loads ? load<T, kParts, Space::generic> : store<T, kParts, Space::generic>;
    case Space::global:
      return loads ? load<T, kParts, Space::global> : store<T, kParts, Space::global>;
    case Space::constant:
      return loads ? load<T, kParts, Space::constant> : nullptr;
    case Space::shared:
      return loads ? load<T, kParts, Space::shared> : store<T, kParts, Space::shared>;
    case Space::local:
      return loads ? load<T, kParts, Space::local> : store<T, kParts, Space::local>;
  }
  return nullptr;
}

/// Parameters are variables in the frame, like those of .local.
Space take_space(Mnemonic& name) {
  constexpr std::array<std::pair<std::string_view, Space>, 8> kSpaces = {{{"global", Space::global},
                                                                          {"const", Space::constant},
                                                                          {"shared", Space::shared},
                                                                          {"shared::cta", Space::shared},
                                                                          {"local", Space::local},
                                                                          {"param", Space::local},
                                                                          {"param::entry", Space::local},
                                                                          {"param::func", Space::local}}};
  for (const auto& [word, space] : kSpaces) {
    if (name.take(word)) return space;
  }
  return Space::generic;
}

// Orders and hints: threads run one after the other, so that every access is in order.
void take_order(Mnemonic& name) {
  name.take_any({"weak", "volatile", "relaxed", "acquire", "release", "acq_rel", "cta", "cluster", "gpu", "sys"});
}

bool decode_access(Mnemonic& name, const Shape& shape, Instruction& i) {
  const bool loads = name.opcode() == "ld" || name.opcode() == "ldu";
  take_order(name);
  const Space space = take_space(name);
  name.take_any({"ca", "cg", "cs", "lu", "cv", "wb", "wt", "nc"});
  name.take_any({"L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last", "L1::no_allocate"});
  name.take_any({"L2::64B", "L2::128B", "L2::256B"});
  const std::size_t parts = name.take("v8") ? 8 : name.take("v4") ? 4 : name.take("v2") ? 2 : 1;
  const Type type = name.take_type();
  if (shape != (loads ? Shape{parts, 1} : Shape{1, parts}) || type == Type::none || type == Type::pred) return false;
  const auto of_type = [=]<class T>(T) -> Handler {
    switch (parts) {
      case 1:
        return access<T, 1>(loads, space);
      case 2:
        return access<T, 2>(loads, space);
      case 4:
        return access<T, 4>(loads, space);
      default:
        return access<T, 8>(loads, space);
    }
  };
  // Signed values are extended into wider registers.
  switch (type) {
    case Type::s8:
      i.run = of_type(std::int8_t{});
      break;
    case Type::s16:
      i.run = of_type(std::int16_t{});
      break;
    case Type::s32:
      i.run = of_type(std::int32_t{});
      break;
    default:
      switch (size_of(type)) {
        case 1:
          i.run = of_type(std::uint8_t{});
          break;
        case 2:
          i.run = of_type(std::uint16_t{});
          break;
        case 4:
          i.run = of_type(std::uint32_t{});
          break;
        default:
          i.run = of_type(std::uint64_t{});
          break;
      }
  }
  return i.run != nullptr;
}

using Add = decltype([]<class T>(T a, T b, T) { return static_cast<T>(a + b); });
using Minimum = decltype([]<class T>(T a, T b, T) { return std::min(a, b); });
using Maximum = decltype([]<class T>(T a, T b, T) { return std::max(a, b); });
using And = decltype([]<class T>(T a, T b, T) { return a & b; });
using Or = decltype([]<class T>(T a, T b, T) { return a | b; });
using Xor = decltype([]<class T>(T a, T b, T) { return a ^ b; });
using Exchange = decltype([]<class T>(T, T b, T) { return b; });
using CompareAndSwap = decltype([]<class T>(T a, T b, T c) { return a == b ? c : a; });
using Increment = decltype([]<class T>(T a, T b, T) { return a >= b ? T{0} : static_cast<T>(a + 1); });
using Decrement = decltype([]<class T>(T a, T b, T) { return a == 0 || a > b ? b : static_cast<T>(a - 1); });

template <class T, class Op, Space kSpace>
void update(Thread& t, const Instruction& i) {
  std::byte* const memory = t.at<kSpace>(t.get<std::uint64_t>(i.at[1]) + i.offset, sizeof(T));
  T old;
  std::memcpy(&old, memory, sizeof old);
  const auto value = static_cast<T>(Op{}(old, t.get<T>(i.at[2]), t.get<T>(i.at[3])));
  std::memcpy(memory, &value, sizeof value);
  t.set(i.at[0], old);
}

template <class T, class Op>
Handler in_space(Space space) {
  switch (space) {
    case Space::generic:
      return update<T, Op, Space::generic>;
    case Space::global:
      return update<T, Op, Space::global>;
    case Space::shared:
      return update<T, Op, Space::shared>;
    default:
      return nullptr;
  }
}

using Maker = Handler (*)(Type, Space);
template <class Op>
Maker integers = [](Type type, Space space) {
  return for_integer(type, [space]<class T>(T) -> Handler { return in_space<T, Op>(space); });
};
template <class Op>
Maker bits = [](Type type, Space space) {
  return for_unsigned(type, [space]<class T>(T) -> Handler { return in_space<T, Op>(space); });
};
template <class Op>
Maker numbers = [](Type type, Space space) {
  const Handler handler = bits<Op>(type, space);
  if (handler != nullptr) return handler;
  return for_floating(type, [space]<class T>(T) -> Handler { return in_space<T, Op>(space); });
};

const std::map<std::string_view, Maker> kUpdates = {
    {"add", numbers<Add>},    {"min", integers<Minimum>}, {"max", integers<Maximum>}, {"and", bits<And>},
    {"or", bits<Or>},         {"xor", bits<Xor>},         {"exch", bits<Exchange>},   {"cas", bits<CompareAndSwap>},
    {"inc", bits<Increment>}, {"dec", bits<Decrement>}};

bool decode_update(Mnemonic& name, const Shape& shape, Instruction& i) {
  const bool has_result = name.opcode() == "atom";
  take_order(name);
  const Space space = take_space(name);
  const Type type = name.take_type();
  for (const auto& [word, maker] : kUpdates) {
    if (!name.take(word)) continue;
    if (shape != Shape((has_result ? 3 : 2) + (word == "cas" ? 1 : 0), 1)) return false;
    if (!has_result) {
      std::copy_backward(i.at.begin(), i.at.begin() + 3, i.at.begin() + 4);
      i.at[0] = kSinkSlot;
    }
    i.run = maker(type, space);
    return i.run != nullptr;
  }
  return false;
}

template <bool kToGeneric>
void shared_address(Thread& t, const Instruction& i) {
  const std::uint64_t base = t.memory().shared_base(), address = t.get<std::uint64_t>(i.at[1]);
  t.set(i.at[0], kToGeneric ? address + base : address - base);
}
void same_address(Thread& t, const Instruction& i) { t.set(i.at[0], t.get<std::uint64_t>(i.at[1])); }

bool decode_cvta(Mnemonic& name, const Shape& shape, Instruction& i) {
  const bool to_space = name.take("to");
  const Space space = take_space(name);
  if (shape != Shape{1, 1} || name.take_type() != Type::u64 || space == Space::generic) return false;
  i.run = space != Space::shared ? same_address : to_space ? shared_address<false> : shared_address<true>;
  return true;
}

}  // namespace

bool decode_memory(Mnemonic& name, const Shape& shape, Instruction& i) {
  const std::string_view opcode = name.opcode();
  if (opcode == "ld" || opcode == "ldu" || opcode == "st") return decode_access(name, shape, i);
  if (opcode == "atom" || opcode == "red") return decode_update(name, shape, i);
  return opcode == "cvta" && decode_cvta(name, shape, i);
}

}  // namespace ptx
