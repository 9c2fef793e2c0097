#include <gtest/gtest.h>

#include <bit>
#include <cfenv>
#include <cmath>
#include <random>
#include <typeinfo>

#include "tests/ptx/device.hpp"
#include "tests/ptx/kernels/operations.hpp"

namespace ptx_test {
namespace {

constexpr int kCount = 512;

/// The bits, so that NaN equals NaN and 0 does not equal -0; all NaNs are one.
template <class T>
auto bits_of(T value) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  return std::isnan(value) ? std::bit_cast<Bits>(std::numeric_limits<T>::quiet_NaN()) : std::bit_cast<Bits>(value);
}

template <class T>
std::vector<T> integers(unsigned seed) {
  std::mt19937_64 random(seed);
  std::vector<T> values = {
      0, 1, static_cast<T>(-1), 2, 3, 99, 100, std::numeric_limits<T>::max(), std::numeric_limits<T>::min()};
  while (values.size() < kCount) values.push_back(static_cast<T>(random() >> (random() % 64)));
  std::shuffle(values.begin(), values.end(), random);
  return values;
}

template <class T>
std::vector<T> numbers(unsigned seed) {
  using Limits = std::numeric_limits<T>;
  std::mt19937_64 random(seed);
  std::vector<T> values = {0,
                           -T{0},
                           1,
                           -1,
                           T(0.5),
                           T(1.5),
                           T(2.5),
                           T(-2.5),
                           99,
                           -99,
                           Limits::infinity(),
                           -Limits::infinity(),
                           Limits::quiet_NaN(),
                           Limits::max(),
                           Limits::min(),
                           Limits::denorm_min(),
                           Limits::lowest()};
  std::normal_distribution<T> normal(0, 40);
  while (values.size() < kCount) values.push_back(normal(random));
  std::shuffle(values.begin(), values.end(), random);
  return values;
}

class Arithmetic : public testing::TestWithParam<const char*> {
 protected:
  Device device_{load("arithmetic", GetParam())};

  template <class T>
  void check_integers() {
    const auto a = integers<T>(1), b = integers<T>(2);
    T* const out = device_.fill<T>(kCount * kIntegerResults);
    device_.launch(std::string("_Z8integersI") + typeid(T).name() + "EvPKT_S2_PS0_", 2, kCount / 2, 0, device_.copy(a),
                   device_.copy(b), out);
    for (int i = 0; i < kCount; ++i) {
      T expected[kIntegerResults];
      integer_operations(a[i], b[i], expected);
      for (int n = 0; n < kIntegerResults; ++n) {
        ASSERT_EQ(out[i * kIntegerResults + n], expected[n]) << "result " << n << " of " << +a[i] << " and " << +b[i];
      }
    }
  }

  template <class T>
  void check_floats() {
    const auto a = numbers<T>(3), b = numbers<T>(4);
    T* const out = device_.fill<T>(kCount * kFloatingResults);
    device_.launch(std::string("_Z6floatsI") + typeid(T).name() + "EvPKT_S2_PS0_", 4, kCount / 4, 0, device_.copy(a),
                   device_.copy(b), out);
    for (int i = 0; i < kCount; ++i) {
      T expected[kFloatingResults];
      floating_operations(a[i], b[i], expected);
      for (int n = 0; n < kFloatingResults; ++n) {
        const T found = out[i * kFloatingResults + n];
        ASSERT_EQ(bits_of(found), bits_of(expected[n]))
            << "result " << n << " of " << a[i] << " and " << b[i] << ": " << found;
      }
    }
  }

  template <class T>
  void check_functions(const std::string& kernel) {
    const auto a = numbers<T>(5), b = numbers<T>(6);
    T* const out = device_.fill<T>(kCount * 12);
    device_.launch(kernel, 4, kCount / 4, 0, device_.copy(a), device_.copy(b), out);
    for (int i = 0; i < kCount; ++i) {
      const T x = a[i], y = b[i];
      // Of two zeros and of two NaNs, min and max may return either.
      const bool ordered = !(x == 0 && y == 0) && !(std::isnan(x) && std::isnan(y));
      const T kinds = static_cast<T>(std::isfinite(x) + 2 * std::isnan(x) + 4 * std::isinf(x) + 8 * std::signbit(x));
      const T expected[] = {std::fma(x, y, T{3}), std::sqrt(x),  std::fmin(x, y),     std::fmax(x, y),
                            std::fabs(x),         kinds,         std::copysign(x, y), std::floor(x),
                            std::ceil(x),         std::trunc(x), std::nearbyint(x),   1 / x};
      for (int n = 0; n < 12; ++n) {
        if ((n == 2 || n == 3) && !ordered) continue;
        ASSERT_EQ(bits_of(out[i * 12 + n]), bits_of(expected[n])) << "function " << n << " of " << x << " and " << y;
      }
    }
  }

  template <class T>
  void check_transcendental(const std::string& kernel) {
    std::vector<T> a, b;
    for (int i = 0; i < 256; ++i) {
      a.push_back(static_cast<T>(i - 128) / 16);
      b.push_back(static_cast<T>(i + 1) / 8);
    }
    T* const out = device_.fill<T>(256 * 4);
    device_.launch(kernel, 1, 256, 0, device_.copy(a), device_.copy(b), out);
    for (int i = 0; i < 256; ++i) {
      const T expected[] = {std::exp(a[i]), std::log(b[i]), std::pow(b[i], a[i]), 1 / std::sqrt(b[i])};
      for (int n = 0; n < 4; ++n) {
        const T tolerance = 8 * std::numeric_limits<T>::epsilon() * std::max(T{1}, std::fabs(expected[n]));
        ASSERT_NEAR(out[i * 4 + n], expected[n], tolerance) << "function " << n << " of " << a[i] << " and " << b[i];
      }
    }
  }
};

TEST_P(Arithmetic, IntegersOf32Bits) {
  check_integers<std::int32_t>();
  check_integers<std::uint32_t>();
}
TEST_P(Arithmetic, IntegersOf64Bits) {
  check_integers<std::int64_t>();
  check_integers<std::uint64_t>();
}
TEST_P(Arithmetic, FloatsEqualTheHostToTheBit) { check_floats<float>(); }
TEST_P(Arithmetic, DoublesEqualTheHostToTheBit) { check_floats<double>(); }
TEST_P(Arithmetic, FunctionsOfFloats) { check_functions<float>("functions_float"); }
TEST_P(Arithmetic, FunctionsOfDoubles) { check_functions<double>("functions_double"); }
TEST_P(Arithmetic, TranscendentalFloats) { check_transcendental<float>("transcendental_float"); }
TEST_P(Arithmetic, TranscendentalDoubles) { check_transcendental<double>("transcendental_double"); }

/// A sum, product, ... of floats that is exact in double, rounded to float in a direction.
float directed(double exact, int mode) {
  const auto nearest = static_cast<float>(exact);
  const float infinity = std::numeric_limits<float>::infinity();
  if (nearest < exact && mode == FE_UPWARD) return std::nextafter(nearest, infinity);
  if (nearest > exact && mode == FE_DOWNWARD) return std::nextafter(nearest, -infinity);
  const bool away = mode == FE_TOWARDZERO && std::fabs(static_cast<double>(nearest)) > std::fabs(exact);
  return away ? std::nextafter(nearest, 0.0F) : nearest;
}

TEST_P(Arithmetic, OtherRoundings) {
  std::vector<float> a, b;
  for (int i = 0; i < 128; ++i) {
    a.push_back(static_cast<float>(i - 64) / 7);
    b.push_back(static_cast<float>(i * i + 1) / 11);
  }
  float* const out = device_.fill<float>(128 * 8);
  device_.launch("roundings", 1, 128, 0, device_.copy(a), device_.copy(b), out);
  for (int i = 0; i < 128; ++i) {
    const double x = a[i], y = b[i];
    const float quotient = static_cast<float>(x / y);
    // The sign of the error of the rounded quotient, which is exact in double.
    const double excess = static_cast<double>(quotient) * y - x;
    const float expected[] = {directed(x + y, FE_DOWNWARD),
                              directed(x + y, FE_UPWARD),
                              directed(x * y, FE_TOWARDZERO),
                              directed(x * y + 1, FE_UPWARD),
                              excess > 0 ? std::nextafter(quotient, -1e30F) : quotient,
                              static_cast<float>(std::ceil(x)),
                              static_cast<float>(std::nearbyint(x)),
                              static_cast<float>(std::floor(y))};
    for (int n = 0; n < 8; ++n) ASSERT_EQ(out[i * 8 + n], expected[n]) << "result " << n << " of " << x << " and " << y;
  }
}

TEST_P(Arithmetic, Bits) {
  const auto a = integers<std::uint32_t>(7), b = integers<std::uint32_t>(8);
  unsigned* const out = device_.fill<unsigned>(kCount * 16);
  device_.launch("bits", 1, kCount, 0, device_.copy(a), device_.copy(b), out);
  const auto reversed = [](std::uint64_t value, int count) {
    std::uint64_t result = 0;
    for (int i = 0; i < count; ++i) result |= (value >> i & 1) << (count - 1 - i);
    return result;
  };
  for (int i = 0; i < kCount; ++i) {
    const std::uint32_t x = a[i], y = b[i];
    const std::uint64_t w = std::uint64_t{x} << 32 | y, pair = std::uint64_t{y} << 32 | x;
    std::uint32_t bytes = 0;
    for (int n = 0; n < 4; ++n) bytes |= (pair >> (8 * (y >> (4 * n) & 7)) & 0xFF) << (8 * n);
    const auto product = static_cast<std::int64_t>(static_cast<std::int32_t>(x)) * static_cast<std::int32_t>(y);
    const auto square = static_cast<unsigned __int128>(w) * w;
    const std::uint64_t expected[] = {static_cast<std::uint64_t>(std::popcount(x)),
                                      static_cast<std::uint64_t>(std::countl_zero(x)),
                                      reversed(x, 32),
                                      x == 0 ? 0U : static_cast<std::uint64_t>(std::countr_zero(x)) + 1,
                                      static_cast<std::uint64_t>(std::popcount(w)),
                                      static_cast<std::uint64_t>(std::countl_zero(w)),
                                      reversed(w, 64) >> 7,
                                      bytes,
                                      (pair << (y & 31)) >> 32,
                                      pair >> (y & 31),
                                      std::uint64_t{x} * y >> 32,
                                      static_cast<std::uint64_t>(product >> 32),
                                      static_cast<std::uint64_t>(square >> 96),
                                      (x & 0xFF) | (y << 8),
                                      (x & y) ^ (x | ~y) ^ 0x5A5A5A5AU,
                                      static_cast<std::uint64_t>(static_cast<std::int32_t>(x << 5) >> 20)};
    for (int n = 0; n < 16; ++n) {
      ASSERT_EQ(out[i * 16 + n], static_cast<std::uint32_t>(expected[n]))
          << "result " << n << " of " << x << " and " << y;
    }
  }
}

TEST_P(Arithmetic, TwiceTheBits) {
  const auto a = integers<std::uint64_t>(9), b = integers<std::uint64_t>(10);
  auto* const out = device_.fill<std::uint64_t>(kCount * 3);
  device_.launch("wide", 1, kCount, 0, device_.copy(a), device_.copy(b), out);
  for (int i = 0; i < kCount; ++i) {
    const unsigned __int128 x = static_cast<unsigned __int128>(a[i]) << 64 | b[i];
    const unsigned __int128 y = static_cast<unsigned __int128>(b[i]) * 0xFFFFFFFFFFFFFFF1U;
    ASSERT_EQ(out[3 * i], static_cast<std::uint64_t>((x + y) >> 64));
    ASSERT_EQ(out[3 * i + 1], static_cast<std::uint64_t>((x - y) >> 64));
    ASSERT_EQ(out[3 * i + 2], static_cast<std::uint64_t>((x * y) >> 64));
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, Arithmetic, testing::ValuesIn(kArchitectures), architecture_name);

}  // namespace
}  // namespace ptx_test
