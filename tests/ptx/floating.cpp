#include <cfenv>
#include <cmath>
#include <map>

#include "tests/ptx/decode.hpp"

namespace ptx {
namespace {

class RoundingScope {
 public:
  explicit RoundingScope(Rounding rounding) {
    constexpr std::array kModes = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
    std::fesetround(kModes[static_cast<std::size_t>(rounding)]);
  }
  ~RoundingScope() { std::fesetround(FE_TONEAREST); }
  RoundingScope(const RoundingScope&) = delete;
  RoundingScope& operator=(const RoundingScope&) = delete;
};

template <class T>
T flushed(T value, bool flush) {
  return flush && std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(T{0}, value) : value;
}

template <class T, class Op, std::size_t... kOperand>
void apply_modified(Thread& t, const Instruction& i) {
  const RoundingScope scope(i.rounding);
  T d = flushed(static_cast<T>(Op{}(flushed(t.get<T>(i.at[kOperand]), i.flush)...)), i.flush);
  if (i.saturate) d = d > 0 ? std::min(d, T{1}) : T{0};  // NaN too
  t.set(i.at[0], d);
}

using Add = decltype([](auto a, auto b) { return a + b; });
using Subtract = decltype([](auto a, auto b) { return a - b; });
using Multiply = decltype([](auto a, auto b) { return a * b; });
using Divide = decltype([](auto a, auto b) { return a / b; });
using Fma = decltype([](auto a, auto b, auto c) { return std::fma(a, b, c); });
using Negate = decltype([](auto a) { return -a; });
using Absolute = decltype([](auto a) { return std::fabs(a); });
using Root = decltype([](auto a) { return std::sqrt(a); });
using Reciprocal = decltype([](auto a) { return 1 / a; });
using InverseRoot = decltype([](auto a) { return 1 / std::sqrt(a); });
using Exponential = decltype([](auto a) { return std::exp2(a); });
using Logarithm = decltype([](auto a) { return std::log2(a); });
// The sign is that of the second operand of the formula, the first of the instruction.
using CopySign = decltype([](auto a, auto b) { return std::copysign(b, a); });

// A NaN loses; -0 is less than +0.
using Minimum = decltype([]<class T>(T a, T b) {
  return std::isnan(a) ? b : std::isnan(b) ? a : a == b ? (std::signbit(a) ? a : b) : std::min(a, b);
});
using Maximum = decltype([]<class T>(T a, T b) {
  return std::isnan(a) ? b : std::isnan(b) ? a : a == b ? (std::signbit(a) ? b : a) : std::max(a, b);
});

/// What else than .ftz an opcode may or must say.
enum class Precision { exact, optional, stated, approximate };

struct Known {
  Precision precision;
  std::size_t operands;
  Handler (*handler)(Type, bool modified);
};

template <class Op, std::size_t... kOperand>
constexpr Known known(Precision precision) {
  return {precision, sizeof...(kOperand) + 1, [](Type type, bool modified) {
            return for_floating(type, [modified]<class T>(T) -> Handler {
              return modified ? apply_modified<T, Op, kOperand...> : apply<T, Op, kOperand...>;
            });
          }};
}

const std::map<std::string_view, Known> kOpcodes = {{"add", known<Add, 1, 2>(Precision::optional)},
                                                    {"sub", known<Subtract, 1, 2>(Precision::optional)},
                                                    {"mul", known<Multiply, 1, 2>(Precision::optional)},
                                                    {"fma", known<Fma, 1, 2, 3>(Precision::optional)},
                                                    {"div", known<Divide, 1, 2>(Precision::stated)},
                                                    {"rcp", known<Reciprocal, 1>(Precision::stated)},
                                                    {"sqrt", known<Root, 1>(Precision::stated)},
                                                    {"rsqrt", known<InverseRoot, 1>(Precision::approximate)},
                                                    {"ex2", known<Exponential, 1>(Precision::approximate)},
                                                    {"lg2", known<Logarithm, 1>(Precision::approximate)},
                                                    {"neg", known<Negate, 1>(Precision::exact)},
                                                    {"abs", known<Absolute, 1>(Precision::exact)},
                                                    {"min", known<Minimum, 1, 2>(Precision::exact)},
                                                    {"max", known<Maximum, 1, 2>(Precision::exact)},
                                                    {"copysign", known<CopySign, 1, 2>(Precision::exact)}};

/// False if the name does not say what it must.
bool take_precision(Mnemonic& name, Precision precision, Rounding& rounding) {
  if (precision == Precision::exact) return true;
  // Approximations are computed exactly.
  if (precision != Precision::optional && (name.take("approx") || name.take("full"))) return true;
  if (precision == Precision::approximate) return false;
  constexpr std::array<std::string_view, 4> kNames = {"rn", "rz", "rm", "rp"};
  for (std::size_t mode = 0; mode < kNames.size(); ++mode) {
    if (name.take(kNames[mode])) {
      rounding = static_cast<Rounding>(mode);
      return true;
    }
  }
  return precision == Precision::optional;
}

}  // namespace

bool decode_floating(Mnemonic& name, const Shape& shape, Instruction& i) {
  const auto found = kOpcodes.find(name.opcode());
  if (found == kOpcodes.end() || shape != Shape(found->second.operands, 1)) return false;
  const Known& opcode = found->second;
  const Type type = name.take_type();
  if (!take_precision(name, opcode.precision, i.rounding)) return false;
  i.flush = name.take("ftz");
  i.saturate = opcode.precision == Precision::optional && name.take("sat");
  i.run = opcode.handler(type, i.flush || i.saturate || i.rounding != Rounding::nearest);
  return i.run != nullptr;
}

}  // namespace ptx
