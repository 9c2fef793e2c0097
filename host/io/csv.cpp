#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

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
      : text_(without_mark(text)), separator_(separator), file_(file), options_(options) {}

  DenseData<T> parse() {
    bool first = true;
    while (!text_.empty()) {
      const std::string_view line = next_line();
      if (line.find_first_not_of(' ') == std::string_view::npos) continue;
      split(line);
      if (std::exchange(first, false) && takes_header()) continue;
      if (out_.rows == 0) settle_columns();
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

  static bool is_number(std::string_view field) {
    T value = 0;
    return number(field, value) != NumberStatus::malformed;
  }
  static bool is_missing(std::string_view field) { return empty(field) || is_na(without_quotes(field)); }

  static bool is_word(std::string_view field) { return !is_number(field) && !is_missing(field); }

  // Takes the first line as the names of columns, if it is that.
  bool takes_header() {
    if (options_.header == HeaderLine::no) return false;
    // As pandas heads columns that have no names, without an index and behind that of one.
    const bool counts = counts_columns(0);
    const bool counts_behind = counts_columns(1) && (is_word(fields_.front()) || empty(fields_.front()));
    out_.skipped.counted = counts && options_.header == HeaderLine::automatic && more_lines();
    out_.skipped.of_columns =
        options_.header == HeaderLine::yes || out_.skipped.counted || counts_behind || are_words();
    if (!out_.skipped.of_columns) return false;
    header_ = fields_.size();
    names_ = header_ > 1 && (empty(fields_.front()) || counts_behind) ? 1 : 0;
    return true;
  }

  // No field is a number, and some field is more than missing.
  bool are_words() const {
    return std::none_of(fields_.begin(), fields_.end(), is_number) &&
           !std::all_of(fields_.begin(), fields_.end(), is_missing);
  }

  // Whether the fields from `first` on are 0, 1, 2 and so on, and not the only one.
  bool counts_columns(std::size_t first) const {
    for (std::size_t j = first; j < fields_.size(); ++j) {
      if (without_quotes(fields_[j]) != std::to_string(j - first)) return false;
    }
    return fields_.size() > 1;
  }

  bool more_lines() const { return text_.find_first_not_of(" \r\n") != std::string_view::npos; }

  // By the first row of numbers, where the header has not told of names of rows: as R's write.table leaves their column
  // without a name, or by a name that is no number.
  void settle_columns() {
    std::size_t fields = header_ > 0 ? header_ : fields_.size();
    if (header_ > 0 && names_ == 0 && fields_.size() > 1) {
      const bool more = fields_.size() == header_ + 1 && options_.short_header && !out_.skipped.counted;
      words_ = fields_.size() == header_ && is_word(fields_.front());
      names_ = more || words_ ? 1 : 0;
      fields += more;
    }
    out_.skipped.of_rows = names_ > 0;
    out_.columns = static_cast<std::int64_t>(fields - names_);
  }

  void row() {
    if (words_ && is_number(fields_.front())) {
      fail(name(0) + " is " + quoted(fields_.front()) + ", expected no number, as in the rows before" + kNamesOfRows);
    }
    for (std::size_t j = names_; j < fields_.size(); ++j) {
      T value = 0;
      const bool missing = is_missing(fields_[j]);
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
        const char* hint = j == 0 && fields_.size() > 1 ? kNamesOfRows : "";
        fail(name(j) + what + ", expected a number" + (missing ? options_.missing_hint : hint));
      }
      out_.values.push_back(value);
    }
    const std::size_t expected = static_cast<std::size_t>(out_.columns) + names_;
    if (fields_.size() != expected) {
      fail(std::to_string(fields_.size()) + " fields, expected " + std::to_string(expected));
    }
    if (out_.line_of(out_.rows) != line_) out_.lines.emplace_back(out_.rows, line_);
    ++out_.rows;
  }

  static std::string name(std::size_t field) { return "field " + std::to_string(field + 1); }
  [[noreturn]] void fail(const std::string& what) const {
    throw IoError::at_line(file_, std::max<std::int64_t>(line_, 1), what);
  }

  static constexpr const char* kNamesOfRows = " (names of rows have an empty field above them in the first line)";

  std::string_view text_;
  char separator_;
  const std::string& file_;
  const ReadOptions& options_;
  std::size_t header_ = 0;  // fields of the first line, if it holds names of columns
  std::size_t names_ = 0;   // columns of names before the numbers: 0 or 1
  bool words_ = false;      // these are known by not being numbers, and so none may be one
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
