#include "host/io/npy_header.hpp"

#include <charconv>

#include "host/io/io_error.hpp"
#include "host/io/number.hpp"

namespace orthant::io {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);

// The header is a Python dictionary literal with the keys descr, fortran_order and shape, in any order.
class DictionaryParser {
 public:
  DictionaryParser(std::string_view bytes, std::size_t begin, std::size_t end, const std::string& file)
      : text_(bytes.substr(0, end)), at_(begin), file_(file) {}

  void parse(NpyHeader& header) {
    bool type = false, order = false, shape = false;
    expect('{');
    while (!accept('}')) {
      skip_blanks();
      const std::size_t begin = at_;
      const std::string key = string();
      expect(':');
      skip_blanks();
      if (key == "descr" && !type) {
        header.type_begin = at_;
        header.type = string();
        type = true;
      } else if (key == "fortran_order" && !order) {
        header.fortran_order = boolean();
        order = true;
      } else if (key == "shape" && !shape) {
        const std::size_t from = header.shape_begin = at_;
        header.shape = tuple();
        header.shape_text = text_.substr(from, at_ - from);
        shape = true;
      } else {
        at_ = begin;
        fail("the key " + quoted(key) + ", expected 'descr', 'fortran_order' and 'shape', each once");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    const char* const missing = !type ? "descr" : !order ? "fortran_order" : !shape ? "shape" : nullptr;
    if (missing != nullptr) fail(std::string("the header has no key '") + missing + "'");
    skip_blanks();
    if (at_ != text_.size()) fail("the header goes on behind its dictionary: " + rest());
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool accept(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail("the header has " + rest() + ", expected '" + c + "'");
  }
  std::string string() {
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') fail("the header has " + rest() + ", expected text in quotes");
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("the header has " + rest() + ", expected text in quotes");
    std::string out(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return out;
  }
  bool boolean() {
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return value;
      }
    }
    fail("the header has " + rest() + ", expected True or False");
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> out;
    expect('(');
    while (!accept(')')) {
      skip_blanks();
      std::int64_t n = 0;
      const auto result = std::from_chars(text_.data() + at_, text_.data() + text_.size(), n);
      if (result.ec != std::errc() || n < 0) {
        fail("the shape has " + rest() + ", expected a size from 0 to 2^63 - 1");
      }
      at_ = static_cast<std::size_t>(result.ptr - text_.data());
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2 wrote long numbers so
      out.push_back(n);
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return out;
  }
  std::string rest() const { return at_ == text_.size() ? std::string("its end") : quoted(text_.substr(at_)); }
  [[noreturn]] void fail(const std::string& what) const {
    throw IoError::at_byte(file_, static_cast<std::int64_t>(at_), what);
  }

  std::string_view text_;
  std::size_t at_;
  const std::string& file_;
};

std::size_t little_endian(std::string_view bytes) {
  std::size_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

}  // namespace

NpyHeader parse_npy_header(std::string_view bytes, const std::string& file) {
  if (!bytes.starts_with(kMagic)) {
    throw IoError::at_byte(file, 0, "the file begins with " + quoted(bytes.substr(0, 6)) + ", expected NumPy's magic");
  }
  const auto ends_early = [&] {
    return IoError::at_byte(file, static_cast<std::int64_t>(bytes.size()), "the file ends in its header");
  };
  if (bytes.size() < 8) throw ends_early();
  const int version = static_cast<unsigned char>(bytes[6]);
  if (version < 1 || version > 3) {
    throw IoError::at_byte(file, 6, "format version " + std::to_string(version) + ", expected 1, 2 or 3");
  }
  const std::size_t begin = version == 1 ? 10 : 12;
  if (bytes.size() < begin) throw ends_early();
  const std::size_t length = little_endian(bytes.substr(8, begin - 8));
  if (bytes.size() - begin < length) throw ends_early();
  NpyHeader header;
  header.data_begin = begin + length;
  DictionaryParser(bytes, begin, begin + length, file).parse(header);
  return header;
}

}  // namespace orthant::io
