#include "host/io/matrix_market.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/io/csr_build.hpp"
#include "host/io/io_error.hpp"
#include "host/io/parallel.hpp"
#include "host/io/text.hpp"
#include "host/io/text_chunks.hpp"

namespace orthant::io {
namespace {

enum class Field { real, integer, pattern };

struct Header {
  bool coordinate = false;
  Field field = Field::real;
  bool symmetric = false;
  std::int64_t rows = 0;
  std::int64_t columns = 0;
  std::int64_t entries = 0;           ///< that the file must hold
  const char* size_line = nullptr;
  const char* body = nullptr;
};

std::string_view word_at(const char* p, const char* end) {
  const char* const stop = std::find_if(p, end, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
  return {p, static_cast<std::size_t>(stop - p)};
}

/// The next word of the line in lower case; empty at its end.
std::string next_word(const char*& p, const char* end) {
  p = skip_blanks(p, end);
  std::string word(word_at(p, end));
  p += word.size();
  for (char& c : word)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return word;
}

/// Chooses by a word of the first line.
template <class Choice>
Choice choose(const char*& p, const char* end, const char* what, const char* expected,
              std::initializer_list<std::pair<const char*, Choice>> choices) {
  const std::string word = next_word(p, end);
  for (const auto& [name, choice] : choices)
    if (word == name) return choice;
  throw TextError{p, std::string(what) + " is " + quoted(word) + ", expected " + expected};
}

/// Moves over empty lines and comments.
const char* skip_comments(const char* p, const char* end) {
  while (p != end) {
    const char* const first = skip_blanks(p, end);
    if (!at_line_end(first, end) && *first != '%') return p;
    p = skip_line(p, end);
  }
  return p;
}

std::int64_t parse_size(const char*& p, const char* end, const char* what) {
  p = skip_blanks(p, end);
  std::int64_t size = 0;
  const char* const next = parse_digits(p, end, size);
  const std::string_view word = word_at(p, end);
  if (next != word.data() + word.size())
    throw TextError{p, std::string(what) + " is " + quoted(word) + ", expected an integer of at most 63 bits"};
  p = next;
  return size;
}

void expect_line_end(const char* p, const char* end, const char* after) {
  p = skip_blanks(p, end);
  if (!at_line_end(p, end))
    throw TextError{p, quoted(word_at(p, end)) + " follows " + after + ", expected the end of the line"};
}

/// The entries that a file of this size must hold.
std::int64_t count_entries(const Header& header) {
  const std::int64_t n = header.rows;
  std::int64_t count = 0;
  if (header.symmetric) {
    // n (n + 1) / 2, halved before it is multiplied.
    const bool overflow = n == std::numeric_limits<std::int64_t>::max() ||
                          __builtin_mul_overflow(n % 2 == 0 ? n / 2 : n, n % 2 == 0 ? n + 1 : (n + 1) / 2, &count);
    if (!overflow) return count;
  } else if (!__builtin_mul_overflow(n, header.columns, &count)) {
    return count;
  }
  throw TextError{header.size_line, "the size is " + std::to_string(n) + " x " + std::to_string(header.columns) +
                                        ", expected fewer than 2^63 entries"};
}

Header parse_header(std::string_view text) {
  const char* p = text.data();
  const char* const end = p + text.size();
  Header header;
  if (next_word(p, end) != "%%matrixmarket")
    throw TextError{text.data(), "the file begins with " + quoted(word_at(text.data(), end)) + ", expected \"%%MatrixMarket\""};
  choose<bool>(p, end, "the object", "\"matrix\"", {{"matrix", true}});
  header.coordinate =
      choose<bool>(p, end, "the format", "\"coordinate\" or \"array\"", {{"coordinate", true}, {"array", false}});
  const std::initializer_list<std::pair<const char*, Field>> numbers = {
      {"real", Field::real}, {"double", Field::real}, {"integer", Field::integer}, {"unsigned-integer", Field::integer}};
  const char* const before_field = p;
  if (header.coordinate && next_word(p, end) == "pattern") {
    header.field = Field::pattern;
  } else {
    p = before_field;
    header.field = choose<Field>(
        p, end, "the field", header.coordinate ? "\"real\", \"integer\" or \"pattern\"" : "\"real\" or \"integer\"", numbers);
  }
  header.symmetric = choose<bool>(p, end, "the symmetry", "\"general\" or \"symmetric\"",
                                  {{"general", false}, {"symmetric", true}});
  expect_line_end(p, end, "the symmetry");

  p = skip_comments(skip_line(p, end), end);
  if (p == end) throw TextError{p, "the text ends, expected the line with the matrix's size"};
  header.size_line = p;
  header.rows = parse_size(p, end, "the number of rows");
  header.columns = parse_size(p, end, "the number of columns");
  if (header.coordinate) header.entries = parse_size(p, end, "the number of entries");
  expect_line_end(p, end, "the size");
  header.body = skip_line(p, end);

  if (header.symmetric && header.rows != header.columns)
    throw TextError{header.size_line, "the size is " + std::to_string(header.rows) + " x " +
                                          std::to_string(header.columns) +
                                          ", expected as many columns as rows in a symmetric matrix"};
  constexpr std::int64_t largest = std::numeric_limits<std::int32_t>::max();
  if (header.coordinate && std::max(header.rows, header.columns) > largest)
    throw TextError{header.size_line, "the size is " + std::to_string(header.rows) + " x " +
                                          std::to_string(header.columns) + ", expected at most " +
                                          std::to_string(largest) + " rows and columns"};
  if (!header.coordinate) header.entries = count_entries(header);
  return header;
}

template <class T>
const char* parse_value(const char* p, const char* end, Field field, T& value) {
  const auto fail = [&](const std::string& expected) {
    throw TextError{p, at_line_end(p, end) ? "the line ends, expected a value"
                                           : "the value is " + quoted(word_at(p, end)) + ", expected " + expected};
  };
  if (field == Field::integer) {
    const char* const digits = p != end && (*p == '-' || *p == '+') ? p + 1 : p;
    const char* stop = std::find_if_not(digits, end, is_digit);
    const std::string_view word = word_at(p, end);
    if (stop == digits || stop != word.data() + word.size()) fail("an integer");
  }
  const char* next = nullptr;
  switch (parse_number(p, end, value, next)) {
    case NumberStatus::ok:
      return next;
    case NumberStatus::not_a_number:
      fail("a number");
      break;
    case NumberStatus::out_of_range:
      fail(std::string("a number in the range of ") + type_name<T>());
  }
  return nullptr;
}

/// Reads `ROW COLUMN [VALUE]`.
template <class T>
class EntryParser {
 public:
  explicit EntryParser(const Header& header)
      : rows_(header.rows), columns_(header.columns), field_(header.field), symmetric_(header.symmetric) {}

  const char* operator()(const char* p, const char* end, Array<Entry<T>>& entries) const {
    p = skip_blanks(p, end);
    if (at_line_end(p, end) || *p == '%') return skip_line(p, end);
    const char* const line = p;
    const std::int64_t row = parse_index(p, end, "row", rows_);
    p = skip_blanks(p, end);
    const std::int64_t column = parse_index(p, end, "column", columns_);
    if (symmetric_ && row < column)
      throw TextError{line, "entry (" + std::to_string(row) + ", " + std::to_string(column) +
                                ") is above the diagonal, expected row >= column in a symmetric matrix"};
    T value = 1;
    if (field_ != Field::pattern) p = parse_value(skip_blanks(p, end), end, field_, value);
    expect_line_end(p, end, field_ == Field::pattern ? "the entry" : "the value");
    entries.push_back({static_cast<std::int32_t>(row - 1), static_cast<std::int32_t>(column - 1), value});
    return skip_line(p, end);
  }

 private:
  static std::int64_t parse_index(const char*& p, const char* end, const char* what, std::int64_t count) {
    std::int64_t index = 0;
    const char* const next = parse_digits(p, end, index);
    const bool is_number = next != nullptr && (at_line_end(next, end) || *next == ' ' || *next == '\t');
    if (!is_number || index < 1 || index > count) {
      if (at_line_end(p, end)) throw TextError{p, std::string("the line ends, expected a ") + what + " index"};
      throw TextError{p, std::string("the ") + what + " index is " + std::string(word_at(p, end).substr(0, 40)) +
                             ", expected an integer from 1 to " + std::to_string(count)};
    }
    p = next;
    return index;
  }

  std::int64_t rows_, columns_;
  Field field_;
  bool symmetric_;
};

/// Reads a line with one number.
template <class T>
class ValueParser {
 public:
  explicit ValueParser(const Header& header) : field_(header.field) {}

  const char* operator()(const char* p, const char* end, Array<T>& values) const {
    p = skip_blanks(p, end);
    if (at_line_end(p, end) || *p == '%') return skip_line(p, end);
    T value;
    p = parse_value(p, end, field_, value);
    expect_line_end(p, end, "the value");
    values.push_back(value);
    return skip_line(p, end);
  }

 private:
  Field field_;
};

/// Reads what follows the header.
template <class Record, class ParseLine>
std::vector<TextChunk<Record>> parse_body(const Header& header, std::string_view text, const std::string& name,
                                          int threads, const ParseLine& parse_line) {
  const std::string_view body = text.substr(static_cast<std::size_t>(header.body - text.data()));
  auto chunks = parse_lines<Record>(body, text, name, threads, 1, parse_line);
  const std::int64_t count = count_records(chunks);
  if (count > header.entries)
    throw IoError::at_line(name, line_number(text, locate_record(chunks, header.entries, parse_line)),
                           "one entry more than the " + std::to_string(header.entries) + " expected by line " +
                               std::to_string(line_number(text, header.size_line)));
  if (count < header.entries)
    throw IoError::at_line(name, line_number(text, text.data() + text.size()),
                           "the text ends after " + std::to_string(count) + " entries, expected " +
                               std::to_string(header.entries) + " by line " +
                               std::to_string(line_number(text, header.size_line)));
  return chunks;
}

/// Spreads the lower triangle, column after column, over a whole matrix.
template <class T>
Array<T> fill_symmetric(const Array<T>& triangle, std::int64_t n) {
  Array<T> full(static_cast<std::size_t>(n * n));
  const T* next = triangle.data();
  for (std::int64_t j = 0; j < n; ++j)
    for (std::int64_t i = j; i < n; ++i) full[i + j * n] = full[j + i * n] = *next++;
  return full;
}

}  // namespace

template <class T>
LoadedMatrix<T> parse_matrix_market(Bytes content, const std::string& name, int threads) {
  threads = resolve_threads(threads);
  const std::string_view text(content.data(), content.size());
  Header header;
  try {
    header = parse_header(text);
  } catch (const TextError& e) {
    throw IoError::at_line(name, line_number(text, e.position), e.what);
  }

  if (!header.coordinate) {
    auto chunks = parse_body<T>(header, text, name, threads, ValueParser<T>(header));
    Array<T> values = concatenate(chunks, threads);
    if (header.symmetric) values = fill_symmetric(values, header.rows);
    return DenseMatrix<T>(std::move(values), header.rows, header.columns, Layout::column_major);
  }

  auto chunks = parse_body<Entry<T>>(header, text, name, threads, EntryParser<T>(header));
  if (header.rows > most_rows(header.entries))
    throw IoError::at_line(name, line_number(text, header.size_line),
                           std::to_string(header.rows) + " rows with " + std::to_string(header.entries) +
                               " entries, expected at most " + std::to_string(most_rows(header.entries)) + " rows");
  std::vector<Array<Entry<T>>> parts;
  for (auto& chunk : chunks) parts.push_back(std::move(chunk.records));
  content = Bytes();  // as large as the entries: not kept while they are sorted
  return build_csr(header.rows, header.columns, std::move(parts), header.symmetric, threads);
}

template LoadedMatrix<float> parse_matrix_market(Bytes, const std::string&, int);
template LoadedMatrix<double> parse_matrix_market(Bytes, const std::string&, int);

}  // namespace orthant::io
