#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fast_float/fast_float.h>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace orthant::io {

/// What a parser throws where the text is not what it expects. `position` points into the text; whoever knows the
/// whole text turns it into an IoError with a line.
struct TextError {
  const char* position;
  std::string what;
};

/// The line of `text`, counted from 1, that `position` lies in.
inline std::int64_t line_number(std::string_view text, const char* position) {
  return 1 + std::count(text.data(), position, '\n');
}

/// True at the end of the text, at `\n` and at `\r\n`.
inline bool at_line_end(const char* p, const char* end) {
  return p == end || *p == '\n' || (*p == '\r' && (p + 1 == end || p[1] == '\n'));
}

inline const char* skip_line(const char* p, const char* end) {
  p = std::find(p, end, '\n');
  return p == end ? p : p + 1;
}

inline const char* skip_blanks(const char* p, const char* end) {
  while (p != end && (*p == ' ' || *p == '\t')) ++p;
  return p;
}

inline bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The text as a message can show it: quoted, cut to 40 characters, without control characters.
inline std::string quoted(std::string_view text) {
  constexpr std::size_t limit = 40;
  std::string shown = "\"";
  for (const char c : text.substr(0, limit)) shown += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return shown + (text.size() > limit ? "...\"" : "\"");
}

/// Parses digits into an integer.
/// @returns where they end; null if there are none, or they exceed int64
inline const char* parse_digits(const char* p, const char* end, std::int64_t& value) {
  constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  if (p == end || !is_digit(*p)) return nullptr;
  value = 0;
  for (; p != end && is_digit(*p); ++p) {
    const int digit = *p - '0';
    if (value > (largest - digit) / 10) return nullptr;
    value = 10 * value + digit;
  }
  return p;
}

enum class NumberStatus { ok, not_a_number, out_of_range };

/// Parses a decimal number, "nan" or "inf" (any case), with a sign or without.
/// @param next where the number ends
/// @returns out_of_range where a finite number rounds to infinity in T
template <class T>
NumberStatus parse_number(const char* p, const char* end, T& value, const char*& next) {
  if (p != end && *p == '+' && p + 1 != end && p[1] != '-') ++p;  // fast_float takes no plus sign
  const auto [stop, error] = fast_float::from_chars(p, end, value);
  if (error == std::errc::invalid_argument) return NumberStatus::not_a_number;
  next = stop;
  if (!std::isinf(value)) return NumberStatus::ok;
  const char first = *p == '-' ? p[1] : *p;
  return is_digit(first) || first == '.' ? NumberStatus::out_of_range : NumberStatus::ok;
}

template <class T>
constexpr const char* type_name() {
  return std::is_same_v<T, float> ? "float" : "double";
}

}  // namespace orthant::io
