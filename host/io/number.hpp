#pragma once

#include <fast_float/fast_float.h>

#include <cmath>
#include <string>
#include <string_view>
#include <system_error>

namespace orthant::io {

/// A piece of a file as messages show it: in quotes, at most 40 bytes, what a terminal might not print replaced by '?'.
inline std::string quoted(std::string_view piece) {
  std::string out = "'";
  for (char c : piece.substr(0, 40)) out += c >= ' ' && c <= '~' ? c : '?';
  return out + (piece.size() > 40 ? "...'" : "'");
}

/// A text without the byte order mark of UTF-8 that some editors put before it.
inline std::string_view without_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

enum class NumberStatus { ok, malformed, too_large };

/// The decimal number (or inf, nan; a leading '+' is allowed) at the beginning of [p, end), rounded to the nearest T.
/// Moves p behind it. Too small for T becomes 0, too large is an error: no infinity that the file does not state.
template <class T>
NumberStatus read_number(const char*& p, const char* end, T& value) {
  const bool plus = p != end && *p == '+';
  const char* begin = p + plus;
  if (plus && begin != end && *begin == '-') return NumberStatus::malformed;
  const auto result = fast_float::from_chars(begin, end, value);
  if (result.ec != std::errc() && result.ec != std::errc::result_out_of_range) return NumberStatus::malformed;
  p = result.ptr;
  if (std::isinf(value)) {
    begin += *begin == '-';
    if ((*begin >= '0' && *begin <= '9') || *begin == '.') return NumberStatus::too_large;
  }
  return NumberStatus::ok;
}

/// What messages call T.
template <class T>
const char* type_name() {
  return sizeof(T) == sizeof(float) ? "single precision" : "double precision";
}

}  // namespace orthant::io
