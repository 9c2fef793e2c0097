#include "host/io/csv.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/io/io_error.hpp"
#include "host/io/parallel.hpp"
#include "host/io/text.hpp"
#include "host/io/text_chunks.hpp"

namespace orthant::io {
namespace {

const char* skip_spaces(const char* p, const char* end) {
  while (p != end && *p == ' ') ++p;
  return p;
}

std::string field_is(std::int64_t field, std::string_view text) {
  return "field " + std::to_string(field) + " is " + (text.empty() ? std::string("empty") : quoted(text));
}

/// A field of the first line, whose quotes may hide separators and line ends.
struct Field {
  std::string_view text;  ///< without the spaces around it, with its quotes
  const char* end;        ///< the separator or line end behind it
};

Field scan_field(const char* p, const char* end, char separator) {
  p = skip_spaces(p, end);
  const char* const begin = p;
  if (p != end && *p == '"') {
    // A doubled quote inside stands for one: as far as the end is concerned, for two quoted texts in a row.
    while (p != end && *p == '"') {
      p = std::find(p + 1, end, '"');
      if (p == end) throw TextError{begin, "a quoted field is not closed"};
      ++p;
    }
    const char* const close = p;
    p = skip_spaces(p, end);
    if (!at_line_end(p, end) && *p != separator)
      throw TextError{p, "text follows a quoted field, expected a separator or the end of the line"};
    return {{begin, static_cast<std::size_t>(close - begin)}, p};
  }
  while (!at_line_end(p, end) && *p != separator) ++p;
  const char* last = p;
  while (last != begin && last[-1] == ' ') --last;
  return {{begin, static_cast<std::size_t>(last - begin)}, p};
}

template <class T>
bool is_number(std::string_view text) {
  T value;
  const char* const end = text.data() + text.size();
  const char* next = nullptr;
  return parse_number(text.data(), end, value, next) != NumberStatus::not_a_number && next == end;
}

struct FirstLine {
  std::int64_t fields = 0;
  bool header = false;
  const char* next = nullptr;  ///< the line after it
};

template <class T>
FirstLine scan_first_line(const char* p, const char* end, char separator) {
  FirstLine line;
  std::int64_t numbers = 0;
  std::int64_t other_field = 0;  // the first that is not a number
  std::string_view other;
  while (true) {
    const Field field = scan_field(p, end, separator);
    ++line.fields;
    if (field.text.empty()) throw TextError{p, field_is(line.fields, field.text) + ", expected a number or a name"};
    if (is_number<T>(field.text)) {
      ++numbers;
    } else if (other_field == 0) {
      other_field = line.fields;
      other = field.text;
    }
    p = field.end;
    if (at_line_end(p, end)) break;
    ++p;
  }
  if (numbers > 0 && other_field > 0)
    throw TextError{other.data(), field_is(other_field, other) + ", expected a number, or no number in a header"};
  line.header = numbers == 0;
  line.next = skip_line(p, end);
  return line;
}

/// Reads a line of numbers.
template <class T>
class RowParser {
 public:
  RowParser(std::int64_t fields, char separator) : fields_(fields), separator_(separator) {}

  const char* operator()(const char* p, const char* end, Array<T>& values) const {
    const char* const line = p;
    for (std::int64_t field = 1; field <= fields_; ++field) {
      p = skip_spaces(p, end);
      T value;
      const char* next = nullptr;
      const NumberStatus status = parse_number(p, end, value, next);
      if (status == NumberStatus::ok) next = skip_spaces(next, end);
      if (status != NumberStatus::ok || !ends_field(next, end)) refuse(line, p, end, field, status);
      values.push_back(value);
      const bool last = at_line_end(next, end);
      if (last != (field == fields_)) refuse_count(line, end);
      p = next + (last ? 0 : 1);
    }
    return skip_line(p, end);
  }

 private:
  bool ends_field(const char* p, const char* end) const { return at_line_end(p, end) || *p == separator_; }

  [[noreturn]] void refuse(const char* line, const char* p, const char* end, std::int64_t field,
                           NumberStatus status) const {
    const char* stop = p;
    while (!ends_field(stop, end)) ++stop;
    if (at_line_end(line, end)) throw TextError{line, "the line is empty, expected " + count(fields_)};
    throw TextError{p, field_is(field, {p, static_cast<std::size_t>(stop - p)}) + ", expected a number" +
                           (status == NumberStatus::out_of_range ? std::string(" in the range of ") + type_name<T>()
                                                                 : std::string())};
  }

  [[noreturn]] void refuse_count(const char* line, const char* end) const {
    const char* const line_end = std::find(line, end, '\n');
    throw TextError{line, "the line has " + count(1 + std::count(line, line_end, separator_)) + ", expected " +
                              std::to_string(fields_) + " as in the first line"};
  }

  static std::string count(std::int64_t fields) {
    return std::to_string(fields) + (fields == 1 ? " field" : " fields");
  }

  std::int64_t fields_;
  char separator_;
};

}  // namespace

template <class T>
DenseMatrix<T> parse_csv(Bytes content, char separator, const std::string& name, int threads) {
  threads = resolve_threads(threads);
  const std::string_view whole(content.data(), content.size());
  std::string_view text = whole.substr(0, whole.find_last_not_of("\r\n") + 1);
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  const char* const end = text.data() + text.size();

  if (text.empty()) throw IoError::at_line(name, 1, "the file is empty, expected numbers");
  FirstLine first;
  try {
    first = scan_first_line<T>(text.data(), end, separator);
  } catch (const TextError& e) {
    throw IoError::at_line(name, line_number(whole, e.position), e.what);
  }
  if (first.header) text.remove_prefix(static_cast<std::size_t>(first.next - text.data()));
  if (text.empty())
    throw IoError::at_line(name, line_number(whole, end), "the text ends after the header, expected numbers");

  auto chunks =
      parse_lines<T>(text, whole, name, threads, first.fields, RowParser<T>(first.fields, separator));
  Array<T> values = concatenate(chunks, threads);
  const std::int64_t rows = static_cast<std::int64_t>(values.size()) / first.fields;
  return DenseMatrix<T>(std::move(values), rows, first.fields, Layout::row_major);
}

template DenseMatrix<float> parse_csv(Bytes, char, const std::string&, int);
template DenseMatrix<double> parse_csv(Bytes, char, const std::string&, int);

}  // namespace orthant::io
