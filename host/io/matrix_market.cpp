#include <fast_float/fast_float.h>
#include <omp.h>

#include <cctype>
#include <charconv>
#include <optional>

#include "host/io/compress.hpp"
#include "host/io/io_error.hpp"
#include "host/io/matrix_file.hpp"

namespace orthant::io {
namespace {

const char* skip_blanks(const char* p, const char* end) {
  while (p != end && (*p == ' ' || *p == '\t' || *p == '\r')) ++p;
  return p;
}

// The next number of a line, or nothing.
template <class N>
bool number(const char*& p, const char* end, N& out) {
  p = skip_blanks(p, end);
  if (p != end && *p == '+') ++p;
  const char* next = p;
  if constexpr (std::is_integral_v<N>) {
    const auto result = std::from_chars(p, end, out);
    if (result.ec != std::errc()) return false;
    next = result.ptr;
  } else {
    const auto result = fast_float::from_chars(p, end, out);
    if (result.ec != std::errc()) return false;
    next = result.ptr;
  }
  if (next != end && !std::isspace(static_cast<unsigned char>(*next))) return false;
  p = next;
  return true;
}

struct Header {
  bool coordinate = true, pattern = false, symmetric = false;
  std::int64_t rows = 0, columns = 0, entries = 0;
  std::int64_t line = 1;  // of the first entry
  std::size_t begin = 0;  // where it begins
};

class Parser {
 public:
  Parser(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  Header header() {
    Header h;
    std::string_view line = next_line();
    std::vector<std::string> words;
    for (std::size_t i = 0; i < line.size();) {
      while (i < line.size() && std::isspace(static_cast<unsigned char>(line[i]))) ++i;
      std::string word;
      while (i < line.size() && !std::isspace(static_cast<unsigned char>(line[i]))) {
        word += static_cast<char>(std::tolower(static_cast<unsigned char>(line[i++])));
      }
      if (!word.empty()) words.push_back(word);
    }
    if (words.size() != 5 || words[0] != "%%matrixmarket" || words[1] != "matrix") {
      fail("not a Matrix Market header, expected '%%MatrixMarket matrix FORMAT FIELD SYMMETRY'");
    }
    const auto choice = [&](const std::string& word, std::initializer_list<const char*> allowed, const char* what) {
      std::string list;
      for (const char* a : allowed) {
        if (word == a) return;
        list += list.empty() ? a : std::string(", ") + a;
      }
      fail(std::string(what) + " '" + word + "' is not supported, expected one of " + list);
    };
    choice(words[2], {"coordinate", "array"}, "format");
    choice(words[3], {"real", "integer", "pattern"}, "field");
    choice(words[4], {"general", "symmetric"}, "symmetry");
    h.coordinate = words[2] == "coordinate";
    h.pattern = words[3] == "pattern";
    h.symmetric = words[4] == "symmetric";
    if (h.pattern && !h.coordinate) fail("field 'pattern' goes with format coordinate only");
    do {
      if (at_end()) fail("the file ends before its sizes");
      line = next_line();
    } while (is_comment(line));
    const char *p = line.data(), *end = p + line.size();
    const bool read = number(p, end, h.rows) && number(p, end, h.columns) && (!h.coordinate || number(p, end, h.entries));
    if (!read || skip_blanks(p, end) != end || h.rows < 1 || h.columns < 1 || h.entries < 0) {
      fail(std::string("the sizes are '") + std::string(line.substr(0, 60)) + "', expected " +
           (h.coordinate ? "ROWS COLUMNS ENTRIES" : "ROWS COLUMNS") + ", rows and columns at least 1");
    }
    const std::int64_t most = std::numeric_limits<std::int32_t>::max();
    if (h.rows > most || h.columns > most) fail("rows and columns must be at most " + std::to_string(most));
    if (h.symmetric && h.rows != h.columns) fail("a symmetric matrix must be square");
    if (!h.coordinate) h.entries = h.symmetric ? h.rows * (h.rows + 1) / 2 : h.rows * h.columns;
    h.line = line_ + 1;
    h.begin = position_;
    // An entry takes two bytes or more, so that a header cannot promise more than the file can hold.
    if (h.entries > static_cast<std::int64_t>(text_.size())) {
      fail("the header promises " + std::to_string(h.entries) + " entries, more than the file can hold");
    }
    return h;
  }

 private:
  static bool is_comment(std::string_view line) {
    const char* p = skip_blanks(line.data(), line.data() + line.size());
    return p == line.data() + line.size() || *p == '%';
  }
  bool at_end() const { return position_ >= text_.size(); }
  std::string_view next_line() {
    const std::size_t end = std::min(text_.find('\n', position_), text_.size());
    const std::string_view line = text_.substr(position_, end - position_);
    position_ = std::min(end + 1, text_.size());
    ++line_;
    return line;
  }
  [[noreturn]] void fail(const std::string& what) const { throw IoError::at_line(file_, line_, what); }

  std::string_view text_;
  const std::string& file_;
  std::size_t position_ = 0;
  std::int64_t line_ = 0;
};

// What one thread finds in its part of the text.
template <class T>
struct Part {
  std::vector<Triplet<T>> entries;
  std::vector<T> numbers;  // of an array
  std::int64_t lines = 0;
  std::int64_t bad_line = -1;  // within the part
  std::string what;
};

template <class T>
void parse_part(const char* p, const char* end, const Header& h, Part<T>& part) {
  while (p != end) {
    const char* stop = std::find(p, end, '\n');
    const char* q = skip_blanks(p, stop);
    if (q != stop && *q != '%') {
      const auto bad = [&](const std::string& what) {
        part.bad_line = part.lines;
        part.what = what;
      };
      double value = 1;
      if (h.coordinate) {
        std::int64_t i = 0, j = 0;
        if (!number(q, stop, i) || !number(q, stop, j) || (!h.pattern && !number(q, stop, value)) ||
            skip_blanks(q, stop) != stop) {
          return bad("'" + std::string(p, std::min<std::ptrdiff_t>(stop - p, 60)) + "' is not an entry, expected ROW COLUMN" +
                     (h.pattern ? "" : " VALUE"));
        }
        if (i < 1 || i > h.rows) return bad("row " + std::to_string(i) + ", expected 1 to " + std::to_string(h.rows));
        if (j < 1 || j > h.columns) {
          return bad("column " + std::to_string(j) + ", expected 1 to " + std::to_string(h.columns));
        }
        const Triplet<T> e{static_cast<std::int32_t>(i - 1), static_cast<std::int32_t>(j - 1), static_cast<T>(value)};
        part.entries.push_back(e);
        if (h.symmetric && i != j) part.entries.push_back({e.column, e.row, e.value});
      } else {
        if (!number(q, stop, value) || skip_blanks(q, stop) != stop) {
          return bad("'" + std::string(p, std::min<std::ptrdiff_t>(stop - p, 60)) + "' is not a number");
        }
        part.numbers.push_back(static_cast<T>(value));
      }
    }
    ++part.lines;
    p = stop == end ? end : stop + 1;
  }
}

}  // namespace

template <class T>
MatrixData<T> parse_matrix_market(std::string_view text, const std::string& file) {
  const Header h = Parser(text, file).header();
  const std::string_view body = text.substr(h.begin);
  const std::size_t wanted = std::min<std::size_t>(static_cast<std::size_t>(omp_get_max_threads()) * 4,
                                                   body.size() / 4096 + 1);
  std::vector<std::size_t> bounds{0};  // parts end behind a line's end
  for (std::size_t i = 1; i < wanted; ++i) {
    const std::size_t at = body.find('\n', std::max(body.size() / wanted * i, bounds.back()));
    if (at != std::string_view::npos) bounds.push_back(at + 1);
  }
  bounds.push_back(body.size());
  std::vector<Part<T>> parts(bounds.size() - 1);
#pragma omp parallel for schedule(dynamic, 1)
  for (std::size_t i = 0; i < parts.size(); ++i) {
    try {
      parse_part(body.data() + bounds[i], body.data() + bounds[i + 1], h, parts[i]);
    } catch (const std::bad_alloc&) {
      parts[i].bad_line = 0;
      parts[i].what = "out of memory";
    }
  }
  std::int64_t line = h.line;
  std::size_t found = 0, stored = 0;
  for (const Part<T>& part : parts) {
    if (part.bad_line >= 0) throw IoError::at_line(file, line + part.bad_line, part.what);
    line += part.lines;
    stored += part.entries.size();
    found += part.numbers.size();
    for (const Triplet<T>& e : part.entries) found += !h.symmetric || e.row >= e.column;
  }
  if (h.symmetric && h.coordinate) {  // each line off the diagonal was stored twice, once on either side of it
    found = 0;
    std::size_t diagonal = 0;
    for (const Part<T>& part : parts) {
      for (const Triplet<T>& e : part.entries) diagonal += e.row == e.column;
    }
    found = (stored - diagonal) / 2 + diagonal;
  }
  if (found != static_cast<std::size_t>(h.entries)) {
    throw IoError::at_line(file, line - 1,
                           "the file has " + std::to_string(found) + " entries, expected " + std::to_string(h.entries));
  }
  if (h.coordinate) {
    std::vector<Triplet<T>> entries;
    entries.reserve(stored);
    for (Part<T>& part : parts) {
      entries.insert(entries.end(), part.entries.begin(), part.entries.end());
      std::vector<Triplet<T>>().swap(part.entries);
    }
    return compress(h.rows, h.columns, entries);
  }
  DenseData<T> dense{h.rows, h.columns, Layout::column_major, {}};
  std::vector<T> numbers;
  numbers.reserve(found);
  for (const Part<T>& part : parts) numbers.insert(numbers.end(), part.numbers.begin(), part.numbers.end());
  if (!h.symmetric) {
    dense.values = std::move(numbers);
    return dense;
  }
  dense.values.resize(static_cast<std::size_t>(h.rows * h.columns));
  std::size_t next = 0;  // the lower triangle, column by column
  for (std::int64_t j = 0; j < h.columns; ++j) {
    for (std::int64_t i = j; i < h.rows; ++i) {
      dense.values[static_cast<std::size_t>(i + j * h.rows)] = dense.values[static_cast<std::size_t>(j + i * h.rows)] =
          numbers[next++];
    }
  }
  return dense;
}

template MatrixData<float> parse_matrix_market(std::string_view, const std::string&);
template MatrixData<double> parse_matrix_market(std::string_view, const std::string&);

}  // namespace orthant::io
