#include "host/cli/option_types.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <system_error>

namespace orthant::cli {
namespace {

template <class Number>
bool parse(const std::string& text, Number& value) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end;
}

[[noreturn]] void refuse(const std::string& option, const std::string& text, const std::string& expected) {
  throw UsageError(option + " is '" + text + "', expected " + expected);
}

}  // namespace

std::int64_t parse_integer(const std::string& option, const std::string& text, std::int64_t least, std::int64_t most) {
  std::int64_t value = 0;
  if (!parse(text, value) || value < least || value > most)
    refuse(option, text, "an integer from " + std::to_string(least) + " to " + std::to_string(most));
  return value;
}

int parse_sweeps(const std::string& option, const std::string& text) {
  int value = 0;
  if (text == "auto") return 0;
  if (!parse(text, value) || value < 1) refuse(option, text, "an integer from 1, or auto");
  return value;
}

std::string sweeps_text(int sweeps) { return sweeps == 0 ? "auto" : std::to_string(sweeps); }

std::uint64_t parse_seed(const std::string& option, const std::string& text) {
  std::uint64_t value = 0;
  if (!parse(text, value))
    refuse(option, text, "an integer from 0 to " + std::to_string(std::numeric_limits<std::uint64_t>::max()));
  return value;
}

double parse_nonnegative(const std::string& option, const std::string& text) {
  double value = 0;
  if (!parse(text, value) || !std::isfinite(value) || value < 0) refuse(option, text, "a finite number >= 0");
  return value;
}

double parse_fraction(const std::string& option, const std::string& text) {
  double value = 0;
  if (!parse(text, value) || !(value > 0 && value < 1)) refuse(option, text, "a number above 0 and below 1");
  return value;
}

Loss parse_loss(const std::string& option, const std::string& text) {
  for (const auto& [name, loss] : kLosses)
    if (name == text) return loss;
  constexpr std::string_view kPrefix = "beta=";
  Loss loss;
  if (!text.starts_with(kPrefix) || !parse(text.substr(kPrefix.size()), loss.beta) || !std::isfinite(loss.beta))
    refuse(option, text, names_of(kLosses, ", ") + " or beta=B for a number B");
  return loss;
}

std::string name_of(Loss loss) {
  const std::string name = name_of(kLosses, loss);
  return name.empty() ? "beta=" + brief(loss.beta) : name;
}

std::string brief(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

}  // namespace orthant::cli
