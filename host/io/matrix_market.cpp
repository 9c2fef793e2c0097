#include <omp.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <new>

#include "host/io/compress.hpp"
#include "host/io/io_error.hpp"
#include "host/io/matrix_file.hpp"
#include "host/io/number.hpp"

namespace orthant::io {
namespace {

const char* skip_blanks(const char* p, const char* end) {
  while (p != end && (*p == ' ' || *p == '\t' || *p == '\r')) ++p;
  return p;
}

// The next word of a line as a number. Only the first malformed or too large one of a line is told: later calls are
// not made.
template <class N>
NumberStatus next_number(const char*& p, const char* end, N& out) {
  p = skip_blanks(p, end);
  NumberStatus status = NumberStatus::ok;
  if constexpr (std::is_integral_v<N>) {
    const bool plus = p != end && *p == '+' && p + 1 != end && *(p + 1) != '-';
    const auto result = std::from_chars(p + plus, end, out);
    if (result.ec == std::errc::result_out_of_range) status = NumberStatus::too_large;
    if (result.ec == std::errc::invalid_argument) status = NumberStatus::malformed;
    p = result.ptr;
  } else {
    status = read_number(p, end, out);
  }
  if (status != NumberStatus::malformed && p != end && skip_blanks(p, end) == p) return NumberStatus::malformed;
  return status;
}

// Blank or a comment.
bool holds_nothing(const char* p, const char* end) {
  p = skip_blanks(p, end);
  return p == end || *p == '%';
}

enum class Field { real, integer, pattern };

struct Header {
  bool coordinate = true, symmetric = false;
  Field field = Field::real;
  std::int64_t rows = 0, columns = 0, entries = 0;
  std::int64_t line = 1;  // of the first entry
  std::size_t begin = 0;  // where it begins
};

class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  Header header() {
    Header h;
    kind(h);
    sizes(h);
    h.line = line_ + 1;
    h.begin = position_;
    return h;
  }

 private:
  void kind(Header& h) {
    const std::string_view line = next_line();
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
      fail("the header is " + quoted(line) + ", expected '%%MatrixMarket matrix FORMAT FIELD SYMMETRY'");
    }
    const std::size_t format = choice(words[2], {"coordinate", "array"}, "format");
    const std::size_t field = choice(words[3], {"real", "integer", "unsigned-integer", "pattern"}, "field");
    const std::size_t symmetry = choice(words[4], {"general", "symmetric"}, "symmetry");
    h.coordinate = format == 0;
    h.field = field == 0 ? Field::real : field == 3 ? Field::pattern : Field::integer;
    h.symmetric = symmetry == 1;
    if (h.field == Field::pattern && !h.coordinate) fail("field 'pattern' in format 'array', expected 'coordinate'");
  }

  void sizes(Header& h) {
    std::string_view line;
    do {
      if (position_ == text_.size()) fail("the file ends before its sizes");
      line = next_line();
    } while (holds_nothing(line.data(), line.data() + line.size()));
    const char *p = line.data(), *end = p + line.size();
    const auto read = [&](std::int64_t& n) { return next_number(p, end, n) == NumberStatus::ok; };
    const bool well_formed = read(h.rows) && read(h.columns) && (!h.coordinate || read(h.entries));
    constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
    if (!well_formed || skip_blanks(p, end) != end || h.rows < 1 || h.columns < 1 || h.rows > most ||
        h.columns > most || h.entries < 0) {
      fail("the sizes are " + quoted(line) + ", expected ROWS COLUMNS" + (h.coordinate ? " ENTRIES" : "") +
           ", rows and columns from 1 to " + std::to_string(most));
    }
    if (h.symmetric && h.rows != h.columns) {
      fail("the sizes are " + quoted(line) + ", expected a square matrix, as the header says 'symmetric'");
    }
    if (!h.coordinate) h.entries = h.symmetric ? h.rows * (h.rows + 1) / 2 : h.rows * h.columns;
    // The shortest entries are "1 1", "1 1 1" and "1", each with its line's end.
    const std::size_t bytes = !h.coordinate ? 2 : h.field == Field::pattern ? 4 : 6;
    const std::size_t room = (text_.size() - position_ + 1) / bytes;
    if (static_cast<std::size_t>(h.entries) > room) {
      fail("the sizes promise " + std::to_string(h.entries) + " entries, but the rest of the file has room for " +
           std::to_string(room) + " at most");
    }
  }

  // Which of the allowed words it is.
  std::size_t choice(const std::string& word, std::initializer_list<const char*> allowed, const char* what) const {
    const auto* const found = std::find(allowed.begin(), allowed.end(), word);
    if (found != allowed.end()) return static_cast<std::size_t>(found - allowed.begin());
    std::string list;
    for (const char* a : allowed) list += list.empty() ? a : std::string(", ") + a;
    fail(std::string(what) + " " + quoted(word) + " is not supported, expected one of " + list);
  }

  std::string_view next_line() {
    const std::size_t end = std::min(text_.find('\n', position_), text_.size());
    const std::string_view line = text_.substr(position_, end - position_);
    position_ = std::min(end + 1, text_.size());
    ++line_;
    return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
  }
  [[noreturn]] void fail(const std::string& what) const { throw IoError::at_line(file_, line_, what); }

  std::string_view text_;
  const std::string& file_;
  std::size_t position_ = 0;
  std::int64_t line_ = 0;
};

// What one thread finds in its part of the text, up to its first bad line.
template <class T>
struct Part {
  std::vector<Triplet<T>> entries;  // of format coordinate; with symmetry, also the mirrored ones
  std::vector<T> numbers;           // of format array
  std::int64_t count = 0;           // of entries in the text
  std::int64_t lines = 0;           // before the bad one
  std::int64_t below = -1;          // line of the first entry below the diagonal, from 0 within the part; -1: none
  std::int64_t above = -1;          // of the first one above it
  std::string bad;                  // what is wrong with it; empty: all lines are good
  bool out_of_memory = false;
};

template <class T>
class PartParser {
 public:
  PartParser(std::string_view text, const Header& header, Part<T>& part)
      : p_(text.data()), end_(p_ + text.size()), h_(header), part_(part) {}

  void parse() {
    const auto most = static_cast<std::size_t>(std::count(p_, end_, '\n') + 1);
    if (h_.coordinate) {
      part_.entries.reserve(std::min(most, static_cast<std::size_t>(end_ - p_) / 4 + 1) * (h_.symmetric ? 2 : 1));
    } else {
      part_.numbers.reserve(std::min(most, static_cast<std::size_t>(end_ - p_) / 2 + 1));
    }
    while (p_ != end_) {
      const auto* newline = static_cast<const char*>(std::memchr(p_, '\n', static_cast<std::size_t>(end_ - p_)));
      const char* stop = newline == nullptr ? end_ : newline;
      if (!holds_nothing(p_, stop)) {
        if (!(h_.coordinate ? entry(stop) : element(stop))) return;
        ++part_.count;
      }
      ++part_.lines;
      p_ = newline == nullptr ? end_ : newline + 1;
    }
  }

 private:
  NumberStatus value(const char*& q, const char* stop, T& out) const {
    if (h_.field == Field::pattern) return NumberStatus::ok;
    if (h_.field == Field::real) return next_number(q, stop, out);
    std::int64_t whole = 0;
    const NumberStatus status = next_number(q, stop, whole);
    out = static_cast<T>(whole);
    return status;
  }
  const char* value_name() const { return h_.field == Field::integer ? "INTEGER" : "NUMBER"; }

  bool entry(const char* stop) {
    const char* q = p_;
    std::int64_t i = 0, j = 0;
    T v = 1;
    NumberStatus status = next_number(q, stop, i);
    if (status == NumberStatus::ok) status = next_number(q, stop, j);
    if (status == NumberStatus::ok) status = value(q, stop, v);
    if (!check(status, q, stop, [&] {
          return std::string("ROW COLUMN") + (h_.field == Field::pattern ? "" : std::string(" ") + value_name());
        })) {
      return false;
    }
    if (i < 1 || i > h_.rows) return bad("row " + std::to_string(i) + ", expected 1 to " + std::to_string(h_.rows));
    if (j < 1 || j > h_.columns) {
      return bad("column " + std::to_string(j) + ", expected 1 to " + std::to_string(h_.columns));
    }
    const Triplet<T> e{static_cast<std::int32_t>(i - 1), static_cast<std::int32_t>(j - 1), v};
    part_.entries.push_back(e);
    if (h_.symmetric && i != j) {
      std::int64_t& first = i > j ? part_.below : part_.above;
      if (first < 0) first = part_.lines;
      part_.entries.push_back({e.column, e.row, e.value});
    }
    return true;
  }

  bool element(const char* stop) {
    const char* q = p_;
    T v = 0;
    const NumberStatus status = value(q, stop, v);
    if (!check(status, q, stop, [&] { return std::string("one ") + value_name() + " a line"; })) return false;
    part_.numbers.push_back(v);
    return true;
  }

  template <class Expected>
  bool check(NumberStatus status, const char* q, const char* stop, Expected&& expected) {
    if (status == NumberStatus::ok && skip_blanks(q, stop) == stop) return true;
    std::string_view line(p_, static_cast<std::size_t>(stop - p_));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (status != NumberStatus::too_large) return bad("the entry is " + quoted(line) + ", expected " + expected());
    return bad("a number in " + quoted(line) + " is too large, expected " +
               (h_.field == Field::real ? std::string("what ") + type_name<T>() + " holds" : "less than 2^63"));
  }

  bool bad(std::string what) {
    part_.bad = std::move(what);
    return false;
  }

  const char *p_, *end_;
  const Header& h_;
  Part<T>& part_;
};

// Pieces that end with a line's end, several for each thread.
std::vector<std::string_view> divide(std::string_view body) {
  constexpr std::size_t least = 4096;
  const std::size_t wanted = std::min(static_cast<std::size_t>(omp_get_max_threads()) * 4, body.size() / least + 1);
  std::vector<std::string_view> pieces;
  std::size_t begin = 0;
  for (std::size_t i = 1; i < wanted; ++i) {
    const std::size_t at = body.find('\n', std::max(body.size() / wanted * i, begin));
    if (at == std::string_view::npos) break;
    pieces.push_back(body.substr(begin, at + 1 - begin));
    begin = at + 1;
  }
  pieces.push_back(body.substr(begin));
  return pieces;
}

// The line, from 0 within the piece, of entry number `wanted`, from 0.
std::int64_t line_of_entry(std::string_view piece, std::int64_t wanted) {
  const char *p = piece.data(), *end = p + piece.size();
  for (std::int64_t line = 0, entry = 0;; ++line) {
    const char* stop = std::find(p, end, '\n');
    if (!holds_nothing(p, stop) && entry++ == wanted) return line;
    p = stop + 1;
  }
}

// The first line of a part with an entry in the other triangle than the first entry of the file off the diagonal; -1:
// there is none. `side` is -1 below the diagonal, 1 above it, and 0 as long as no such entry has been seen.
template <class T>
std::int64_t other_triangle(const Part<T>& part, int& side) {
  if (side == 0 && part.below != part.above) {
    const bool below = part.above < 0 || (part.below >= 0 && part.below < part.above);
    side = below ? -1 : 1;
  }
  return side < 0 ? part.above : side > 0 ? part.below : -1;
}

// Throws for the first line that is not as the header promises, as if one thread had read them all.
template <class T>
void check_parts(const Header& h, const std::vector<std::string_view>& pieces, const std::vector<Part<T>>& parts,
                 const std::string& file) {
  std::int64_t line = h.line, count = 0;
  int side = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].out_of_memory) throw std::bad_alloc();
    const bool many = count + parts[i].count > h.entries;
    const std::int64_t extra = many ? line_of_entry(pieces[i], h.entries - count) : parts[i].lines + 1;
    const std::int64_t other = other_triangle(parts[i], side);
    if (other >= 0 && other < extra) {
      throw IoError::at_line(file, line + other,
                             std::string("an entry ") + (side < 0 ? "above" : "below") + " the diagonal, after one " +
                                 (side < 0 ? "below" : "above") +
                                 " it; expected one triangle only, as the header says 'symmetric'");
    }
    if (many) {
      throw IoError::at_line(file, line + extra,
                             "entry " + std::to_string(h.entries + 1) + ", expected only " + std::to_string(h.entries));
    }
    if (!parts[i].bad.empty()) throw IoError::at_line(file, line + parts[i].lines, parts[i].bad);
    count += parts[i].count;
    line += parts[i].lines;
  }
  if (count < h.entries) {
    throw IoError::at_line(
        file, line - 1,
        "the file ends after " + std::to_string(count) + " entries, expected " + std::to_string(h.entries));
  }
}

template <class T>
DenseData<T> assemble_array(const Header& h, const std::vector<Part<T>>& parts) {
  DenseData<T> dense{h.rows, h.columns, Layout::column_major, {}};
  if (!h.symmetric) {
    dense.values.reserve(static_cast<std::size_t>(h.entries));
    for (const Part<T>& part : parts) dense.values.insert(dense.values.end(), part.numbers.begin(), part.numbers.end());
    return dense;
  }
  const auto n = static_cast<std::size_t>(h.rows);
  dense.values.resize(n * n);
  std::size_t i = 0, j = 0;  // the lower triangle, column by column
  for (const Part<T>& part : parts) {
    for (const T v : part.numbers) {
      dense.values[i + j * n] = dense.values[j + i * n] = v;
      if (++i == n) i = ++j;
    }
  }
  return dense;
}

}  // namespace

template <class T>
MatrixData<T> parse_matrix_market(std::string_view marked, const std::string& file) {
  const std::string_view text = without_mark(marked);
  const Header h = HeaderParser(text, file).header();
  const std::vector<std::string_view> pieces = divide(text.substr(h.begin));
  std::vector<Part<T>> parts(pieces.size());
#pragma omp parallel for schedule(dynamic, 1)
  for (std::size_t i = 0; i < parts.size(); ++i) {
    try {
      PartParser<T>(pieces[i], h, parts[i]).parse();
    } catch (const std::bad_alloc&) {  // must not leave the parallel region
      parts[i].out_of_memory = true;
    }
  }
  check_parts(h, pieces, parts, file);
  if (!h.coordinate) return assemble_array(h, parts);
  std::vector<std::vector<Triplet<T>>> entries;
  for (Part<T>& part : parts) entries.push_back(std::move(part.entries));
  return compress(h.rows, h.columns, std::move(entries));
}

template MatrixData<float> parse_matrix_market(std::string_view, const std::string&);
template MatrixData<double> parse_matrix_market(std::string_view, const std::string&);

}  // namespace orthant::io
