#pragma once

// What the kernels of arithmetic.cu compute, and what the tests expect, made by two compilers from one text.

#include <cstdint>
#include <limits>
#include <type_traits>

namespace ptx_test {

inline constexpr int kIntegerResults = 26;

template <class T>
constexpr void integer_operations(T a, T b, T* out) {
  using U = std::make_unsigned_t<T>;
  const U ua = static_cast<U>(a), ub = static_cast<U>(b);
  const T divisor = b == 0 || (std::is_signed_v<T> && b == static_cast<T>(-1)) ? T{7} : b;
  const int by = static_cast<int>(ub % std::numeric_limits<U>::digits);
  int n = 0;
  out[n++] = static_cast<T>(ua + ub);
  out[n++] = static_cast<T>(ua - ub);
  out[n++] = static_cast<T>(ua * ub);
  out[n++] = static_cast<T>(ua * ub + U{13});
  out[n++] = static_cast<T>(a / divisor);
  out[n++] = static_cast<T>(a % divisor);
  out[n++] = static_cast<T>(a / 10);
  out[n++] = static_cast<T>(a % 1000);
  out[n++] = a < b ? a : b;
  out[n++] = a < b ? b : a;
  out[n++] = static_cast<T>(a & b);
  out[n++] = static_cast<T>(a | b);
  out[n++] = static_cast<T>(a ^ ~b);
  out[n++] = static_cast<T>(ua << by);
  out[n++] = static_cast<T>(a >> by);
  out[n++] = static_cast<T>(U{0} - ua);
  out[n++] = static_cast<T>(a < 1 ? U{0} - ua : ua);
  out[n++] = static_cast<T>((a == b) + 2 * (a != b) + 4 * (a < b) + 8 * (a <= b) + 16 * (a > b) + 32 * (a >= b));
  out[n++] = a > 3 && b < 100 ? T{1} : T{2};
  out[n++] = a > 3 || b < 100 ? T{1} : T{2};
  out[n++] = (a > 3) != (b < 100) ? T{1} : T{2};
  out[n++] = static_cast<T>(static_cast<std::int8_t>(a));
  out[n++] = static_cast<T>(static_cast<std::uint8_t>(a));
  out[n++] = static_cast<T>(static_cast<std::int16_t>(a));
  out[n++] = static_cast<T>(std::int64_t{static_cast<std::int32_t>(a)} * static_cast<std::int32_t>(b));
  out[n++] = static_cast<T>(ua / 3 + ub % 1000003);
}

inline constexpr int kFloatingResults = 20;

/// Each result is rounded once, so that no compiler may fuse two operations.
template <class T>
constexpr void floating_operations(T a, T b, T* out) {
  int n = 0;
  out[n++] = a + b;
  out[n++] = a - b;
  out[n++] = a * b;
  out[n++] = a / b;
  out[n++] = -a;
  out[n++] = a < b ? a : b;
  out[n++] = a > b ? a : b;
  out[n++] = static_cast<T>((a == b) + 2 * (a != b) + 4 * (a < b) + 8 * (a <= b) + 16 * (a > b) + 32 * (a >= b));
  out[n++] = static_cast<T>(!(a == b) + 2 * !(a != b) + 4 * !(a < b) + 8 * !(a <= b) + 16 * !(a > b) + 32 * !(a >= b));
  out[n++] = a > 1 && b > 1 ? a : b;
  out[n++] = a > 1 || b != b ? a : b;
  // Of numbers in the range of the types.
  const T small = a > -100 && a < 100 ? a : T{42};
  out[n++] = static_cast<T>(static_cast<std::int32_t>(small));
  out[n++] = static_cast<T>(static_cast<std::int64_t>(small) * 3);
  out[n++] = static_cast<T>(static_cast<std::uint32_t>(small + 100));
  out[n++] = static_cast<T>(static_cast<std::uint64_t>(small + 100));
  out[n++] = static_cast<T>(static_cast<std::int16_t>(small));
  out[n++] = static_cast<T>(static_cast<std::uint8_t>(small + 100));
  out[n++] = static_cast<T>(static_cast<float>(static_cast<double>(a) * 3));
  out[n++] = static_cast<T>(static_cast<std::uint64_t>(small + 100) * 0x123456789ABCDEFULL);
  out[n++] = static_cast<T>(static_cast<std::int64_t>(small) * 0x123456789ABCDELL);
}

}  // namespace ptx_test
