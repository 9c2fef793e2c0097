#include <algorithm>
#include <cstdint>
#include <limits>

#include "host/io/io_error.hpp"
#include "host/io/matrix_file.hpp"
#include "host/io/number.hpp"

namespace orthant::io {
namespace {

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

std::string_view without_quotes(std::string_view field) {
  if (field.size() < 2 || field.front() != '"' || field.back() != '"') return field;
  return trim(field.substr(1, field.size() - 2));
}

bool is_na(std::string_view field) {
  return field.size() == 2 && (field[0] == 'N' || field[0] == 'n') && (field[1] == 'A' || field[1] == 'a');
}

template <class T>
class CsvParser {
 public:
  CsvParser(std::string_view text, char separator, const std::string& file, const ReadOptions& options)
      : text_(text), separator_(separator), file_(file), options_(options) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);  // byte order mark
  }

  DenseData<T> parse() {
    while (!text_.empty()) {
      const std::string_view line = next_line();
      if (line.find_first_not_of(' ') == std::string_view::npos) continue;
      split(line);
      if (out_.columns == 0) {
        const bool header = is_header();
        names_ = header && empty(fields_.front()) ? 1 : 0;
        out_.columns = static_cast<std::int64_t>(fields_.size() - names_);
        if (header) continue;
      }
      row();
    }
    if (out_.rows == 0) fail("the file has no row of numbers");
    return std::move(out_);
  }

 private:
  std::string_view next_line() {
    const std::size_t end = std::min(text_.find('\n'), text_.size());
    std::string_view line = text_.substr(0, end);
    text_.remove_prefix(std::min(end + 1, text_.size()));
    ++line_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  // The fields of a line; separators in quotes do not separate.
  void split(std::string_view line) {
    fields_.clear();
    std::size_t begin = 0;
    bool in_quotes = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '"') in_quotes = !in_quotes;
      if (line[i] == separator_ && !in_quotes) {
        fields_.push_back(trim(line.substr(begin, i - begin)));
        begin = i + 1;
      }
    }
    fields_.push_back(trim(line.substr(begin)));
    if (in_quotes) fail(name(fields_.size() - 1) + " has a quote that is not closed, expected '\"'");
  }

  static NumberStatus number(std::string_view field, T& value) {
    field = without_quotes(field);
    const char *p = field.data(), *end = p + field.size();
    const NumberStatus status = read_number(p, end, value);
    return p == end ? status : NumberStatus::malformed;
  }

  static bool empty(std::string_view field) { return without_quotes(field).empty(); }

  // Names: no field is a number, and some field is more than empty (or missing, where fields may be).
  bool is_header() const {
    T value = 0;
    const auto number_like = [&](std::string_view f) { return number(f, value) != NumberStatus::malformed; };
    const auto nothing = [&](std::string_view f) {
      return empty(f) || (options_.missing_fields && is_na(without_quotes(f)));
    };
    if (std::none_of(fields_.begin(), fields_.end(), number_like)) {
      return !std::all_of(fields_.begin(), fields_.end(), nothing);
    }
    return counts_columns();
  }

  // As pandas heads columns that have no names: an empty field, then 0, 1, 2, and so on.
  bool counts_columns() const {
    for (std::size_t j = 0; j < fields_.size(); ++j) {
      if (without_quotes(fields_[j]) != (j == 0 ? std::string() : std::to_string(j - 1))) return false;
    }
    return fields_.size() > 1;
  }

  void row() {
    for (std::size_t j = names_; j < fields_.size(); ++j) {
      T value = 0;
      const bool missing = empty(fields_[j]) || is_na(without_quotes(fields_[j]));
      if (missing && options_.missing_fields) {
        out_.values.push_back(std::numeric_limits<T>::quiet_NaN());
        continue;
      }
      const NumberStatus status = number(fields_[j], value);
      if (status == NumberStatus::too_large) {
        fail(name(j) + " is " + quoted(fields_[j]) + ", too large, expected what " + type_name<T>() + " holds");
      }
      if (status == NumberStatus::malformed) {
        const std::string what = fields_[j].empty() ? " is empty" : " is " + quoted(fields_[j]);
        fail(name(j) + what + ", expected a number" + (missing ? options_.missing_hint : ""));
      }
      out_.values.push_back(value);
    }
    const std::size_t expected = static_cast<std::size_t>(out_.columns) + names_;
    if (fields_.size() != expected) {
      fail(std::to_string(fields_.size()) + " fields, expected " + std::to_string(expected));
    }
    ++out_.rows;
  }

  static std::string name(std::size_t field) { return "field " + std::to_string(field + 1); }
  [[noreturn]] void fail(const std::string& what) const {
    throw IoError::at_line(file_, std::max<std::int64_t>(line_, 1), what);
  }

  std::string_view text_;
  char separator_;
  const std::string& file_;
  const ReadOptions& options_;
  std::size_t names_ = 0;  // columns of names before the numbers: 0 or 1
  std::int64_t line_ = 0;
  std::vector<std::string_view> fields_;
  DenseData<T> out_;
};

}  // namespace

template <class T>
DenseData<T> parse_csv(std::string_view text, char separator, const std::string& file, const ReadOptions& options) {
  return CsvParser<T>(text, separator, file, options).parse();
}

template DenseData<float> parse_csv(std::string_view, char, const std::string&, const ReadOptions&);
template DenseData<double> parse_csv(std::string_view, char, const std::string&, const ReadOptions&);

}  // namespace orthant::io
