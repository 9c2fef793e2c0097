#include <fast_float/fast_float.h>

#include "host/io/io_error.hpp"
#include "host/io/matrix_file.hpp"

namespace orthant::io {
namespace {

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r')) s.remove_suffix(1);
  return s;
}

// Calls function(field) for each field of a line; quotes may hold separators.
template <class Function>
void for_fields(std::string_view line, char separator, Function&& function) {
  std::size_t begin = 0;
  bool quoted = false;
  for (std::size_t i = 0; i <= line.size(); ++i) {
    if (i < line.size() && line[i] == '"') quoted = !quoted;
    if (i == line.size() || (line[i] == separator && !quoted)) {
      function(trim(line.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
}

bool parse(std::string_view field, double& value) {
  if (field.size() >= 2 && field.front() == '"' && field.back() == '"') field = trim(field.substr(1, field.size() - 2));
  if (!field.empty() && field.front() == '+') field.remove_prefix(1);
  const auto result = fast_float::from_chars(field.data(), field.data() + field.size(), value);
  return result.ec == std::errc() && result.ptr == field.data() + field.size() && !field.empty();
}

}  // namespace

template <class T>
DenseData<T> parse_csv(std::string_view text, char separator, const std::string& file) {
  DenseData<T> out;
  std::int64_t line_number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++line_number;
    if (trim(line).empty()) continue;
    std::int64_t fields = 0, bad_field = 0, numbers = 0;
    std::string bad;
    const std::size_t before = out.values.size();
    for_fields(line, separator, [&](std::string_view field) {
      ++fields;
      double value = 0;
      if (parse(field, value)) {
        ++numbers;
        out.values.push_back(static_cast<T>(value));
      } else if (bad_field == 0) {
        bad_field = fields;
        bad = field.substr(0, 40);
      }
    });
    if (bad_field > 0 && out.columns == 0 && numbers == 0) {  // names: only the first line may have them
      out.columns = fields;
      out.values.resize(before);
      continue;
    }
    if (bad_field > 0) {
      throw IoError::at_line(file, line_number, "field " + std::to_string(bad_field) + " is '" + bad + "', expected a number");
    }
    if (out.columns == 0) out.columns = fields;
    if (fields != out.columns) {
      throw IoError::at_line(file, line_number, std::to_string(fields) + " fields, expected " + std::to_string(out.columns));
    }
    ++out.rows;
  }
  if (out.rows == 0) throw IoError(file, "has no row of numbers");
  return out;
}

template DenseData<float> parse_csv(std::string_view, char, const std::string&);
template DenseData<double> parse_csv(std::string_view, char, const std::string&);

}  // namespace orthant::io
