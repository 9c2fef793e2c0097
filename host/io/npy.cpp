#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "host/io/input_file.hpp"
#include "host/io/io_error.hpp"
#include "host/io/matrix_file.hpp"
#include "host/io/npy_array.hpp"
#include "host/io/npy_header.hpp"
#include "host/io/number.hpp"

namespace orthant::io {
namespace {

// Elements of an array that follow each other in the file.
struct Elements {
  std::string_view data;  // exactly `count` elements
  std::size_t count;
  bool swapped;
  std::size_t begin;  // byte of the first one
};

// IEEE 754 binary16, which clang 14 has no type for.
struct Half {
  std::uint16_t bits;

  explicit operator float() const {
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const float size = exponent == 0   ? std::ldexp(static_cast<float>(fraction), -24)
                       : exponent < 31 ? std::ldexp(static_cast<float>(1024 + fraction), exponent - 25)
                       : fraction == 0 ? std::numeric_limits<float>::infinity()
                                       : std::numeric_limits<float>::quiet_NaN();
    return (bits & 0x8000) != 0 ? -size : size;
  }
};

template <class U>
U load(const Elements& from, std::size_t i) {
  char bytes[sizeof(U)];
  std::memcpy(bytes, from.data.data() + i * sizeof(U), sizeof(U));
  if (from.swapped) std::reverse(bytes, bytes + sizeof(U));
  U value;
  std::memcpy(&value, bytes, sizeof(U));
  return value;
}

template <class U>
std::string shortest(U value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof(text), value).ptr};
}

template <class T, class U>
void convert(const Elements& from, const std::string& file, T* out) {
  for (std::size_t i = 0; i < from.count; ++i) {
    const U value = load<U>(from, i);
    if constexpr (std::is_same_v<U, Half>) {
      out[i] = static_cast<float>(value);
    } else {
      out[i] = static_cast<T>(value);
    }
    if constexpr (std::is_floating_point_v<U> && sizeof(U) > sizeof(T)) {
      if (std::isinf(out[i]) && !std::isinf(value)) {
        throw IoError::at_byte(
            file, static_cast<std::int64_t>(from.begin + i * sizeof(U)),
            "the number " + shortest(value) + " is too large, expected what " + type_name<T>() + " holds");
      }
    }
    if constexpr (std::is_integral_v<T> && std::is_unsigned_v<U> && sizeof(U) == sizeof(T)) {
      if (out[i] < 0) {
        throw IoError::at_byte(file, static_cast<std::int64_t>(from.begin + i * sizeof(U)),
                               "the number " + shortest(value) + " is too large, expected less than 2^63");
      }
    }
  }
}

struct ElementType {
  std::string_view name;
  std::size_t width;
};

constexpr ElementType kTypes[] = {{"f2", 2}, {"f4", 4}, {"f8", 8}, {"b1", 1}, {"u1", 1}, {"u2", 2},
                                  {"u4", 4}, {"u8", 8}, {"i1", 1}, {"i2", 2}, {"i4", 4}, {"i8", 8}};

// Whether elements are T as they lie in the file, but perhaps for the order of their bytes.
template <class T>
bool is_type(std::string_view type) {
  return type == (std::is_integral_v<T> ? "i8" : sizeof(T) == 4 ? "f4" : "f8");
}

template <class T>
void convert_from(std::string_view type, const Elements& from, const std::string& file, T* out) {
  if constexpr (!std::is_integral_v<T>) {
    if (type == "f2") convert<T, Half>(from, file, out);
    if (type == "f4") convert<T, float>(from, file, out);
    if (type == "f8") convert<T, double>(from, file, out);
  }
  if (type == "u1" || type == "b1") convert<T, std::uint8_t>(from, file, out);
  if (type == "u2") convert<T, std::uint16_t>(from, file, out);
  if (type == "u4") convert<T, std::uint32_t>(from, file, out);
  if (type == "u8") convert<T, std::uint64_t>(from, file, out);
  if (type == "i1") convert<T, std::int8_t>(from, file, out);
  if (type == "i2") convert<T, std::int16_t>(from, file, out);
  if (type == "i4") convert<T, std::int32_t>(from, file, out);
  if (type == "i8") convert<T, std::int64_t>(from, file, out);
}

// The number of elements, where the file has the bytes for exactly that many.
std::size_t element_count(const NpyHeader& header, std::size_t width, std::size_t bytes, const std::string& file) {
  const std::size_t data = bytes - header.data_begin, most = data / width;
  const bool empty = std::find(header.shape.begin(), header.shape.end(), 0) != header.shape.end();
  std::size_t count = empty ? 0 : 1;
  for (std::int64_t n : header.shape) {
    if (empty) break;
    if (static_cast<std::size_t>(n) > most / count) {
      throw IoError::at_byte(file, static_cast<std::int64_t>(bytes),
                             "the file ends early: shape " + header.shape_text + " of " + std::to_string(width) +
                                 "-byte elements needs more than the " + std::to_string(data) + " bytes of data");
    }
    count *= static_cast<std::size_t>(n);
  }
  if (count * width < data) {
    throw IoError::at_byte(file, static_cast<std::int64_t>(header.data_begin + count * width),
                           std::to_string(data - count * width) + " bytes follow the array of shape " +
                               header.shape_text + ", expected the end of the file");
  }
  if (count * width > data) {  // one element, of no dimensions
    throw IoError::at_byte(file, static_cast<std::int64_t>(bytes), "the file ends early: it has no element");
  }
  return count;
}

// The array behind a header, in a file of `size` bytes. read(to, n) puts the next n bytes there.
template <class T, class Read>
NpyArray<T> convert_array(const NpyHeader& header, std::size_t size, const std::string& file, Read&& read) {
  const std::string_view name = std::string_view(header.type).substr(std::min<std::size_t>(header.type.size(), 1));
  const char order = header.type.empty() ? '\0' : header.type[0];
  const auto* const type = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const ElementType& t) {
    return t.name == name && !(std::is_integral_v<T> && t.name[0] == 'f') &&
           (order == '<' || order == '>' || (order == '|' && t.width == 1));
  });
  if (type == std::end(kTypes)) {
    throw IoError::at_byte(file, static_cast<std::int64_t>(header.type_begin),
                           "element type " + quoted(header.type) + " is not supported, expected " +
                               (std::is_integral_v<T> ? "" : "f2, f4, f8, ") + "b1, u1, u2, u4, u8, i1, i2, i4 or i8");
  }
  const std::size_t count = element_count(header, type->width, size, file);
  const bool swapped = (order == '>') != (std::endian::native == std::endian::big);
  NpyArray<T> array{header.shape,       header.fortran_order, std::vector<T>(count),
                    header.shape_begin, header.data_begin,    type->width};
  if (is_type<T>(name) && !swapped) {
    read(reinterpret_cast<char*>(array.values.data()), count * sizeof(T));
    return array;
  }
  // A piece at a time: the file's elements are never in memory together.
  std::string piece(std::min<std::size_t>(count * type->width, std::size_t{1} << 16), '\0');
  const std::size_t most = piece.size() / type->width;
  for (std::size_t done = 0; done < count; done += most) {
    const std::size_t n = std::min(most, count - done);
    read(piece.data(), n * type->width);
    const Elements elements{std::string_view(piece).substr(0, n * type->width), n, swapped,
                            header.data_begin + done * type->width};
    convert_from<T>(name, elements, file, array.values.data() + done);
  }
  return array;
}

template <class T>
NpyArray<T> convert_array(const NpyHeader& header, std::string_view bytes, const std::string& file) {
  std::size_t at = header.data_begin;
  return convert_array<T>(header, bytes.size(), file, [&](char* to, std::size_t n) {
    std::copy_n(bytes.data() + at, n, to);
    at += n;
  });
}

void expect_matrix(const NpyHeader& header, const std::string& file) {
  const std::vector<std::int64_t>& shape = header.shape;
  const bool matrix = shape.size() == 2;
  if (matrix && shape[0] > 0 && shape[1] > 0) return;
  throw IoError::at_byte(file, static_cast<std::int64_t>(header.shape_begin),
                         "the array has shape " + header.shape_text + ", expected a matrix (2 dimensions)" +
                             (matrix ? " of at least one row and column" : ""));
}

template <class T>
DenseData<T> as_matrix(NpyArray<T> array) {
  return {array.shape[0], array.shape[1], array.fortran_order ? Layout::column_major : Layout::row_major,
          std::move(array.values)};
}

}  // namespace

template <class T>
NpyArray<T> parse_npy_array(std::string_view bytes, const std::string& file) {
  return convert_array<T>(parse_npy_header(bytes, file), bytes, file);
}

std::string parse_npy_text(std::string_view bytes, const std::string& file) {
  const NpyHeader header = parse_npy_header(bytes, file);
  const bool wide = header.type.find('U') == 1;  // four bytes a character, else one
  if (!wide && header.type.find('S') != 1) {
    throw IoError::at_byte(file, static_cast<std::int64_t>(header.type_begin),
                           "element type " + quoted(header.type) + ", expected text (S or U)");
  }
  std::string text;
  for (char c : bytes.substr(header.data_begin)) {
    if (c != '\0') text += c;
  }
  return text;
}

template <class T>
DenseData<T> parse_npy(std::string_view bytes, const std::string& file) {
  const NpyHeader header = parse_npy_header(bytes, file);
  expect_matrix(header, file);
  return as_matrix(convert_array<T>(header, bytes, file));
}

template <class T>
DenseData<T> read_npy(const std::string& path) {
  const auto whole = [&] { return parse_npy<T>(read_bytes(path), path); };
  if (path.ends_with(".gz")) return whole();
  InputFile input(path);
  const std::size_t size = input.size();
  if (size == InputFile::kUnknown) return whole();
  // The header of a matrix is of some hundred bytes; what is longer is read with all the rest.
  std::string head(std::min<std::size_t>(size, 4096), '\0');
  head.resize(input.read(head.data(), head.size()));
  NpyHeader header;
  try {
    header = parse_npy_header(head, path);
  } catch (const IoError&) {
    return whole();
  }
  expect_matrix(header, path);
  std::size_t at = header.data_begin;
  return as_matrix(convert_array<T>(header, size, path, [&](char* to, std::size_t n) {
    const std::size_t known = at < head.size() ? head.copy(to, n, at) : 0;
    const std::size_t read = known + input.read(to + known, n - known);
    at += read;
    if (read < n) {
      throw IoError::at_byte(path, static_cast<std::int64_t>(at), "the file became shorter while it was read");
    }
  }));
}

template <class T>
std::string npy_bytes(DenseView<const T> m) {
  std::string header = std::string("{'descr': '") + (std::endian::native == std::endian::little ? '<' : '>') + 'f' +
                       std::to_string(sizeof(T)) + "', 'fortran_order': False, 'shape': (" + std::to_string(m.rows) +
                       ", " + std::to_string(m.columns) + "), }";
  header.append(63 - (10 + header.size()) % 64, ' ');  // data begin on a multiple of 64
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  const std::size_t start = bytes.size();
  bytes.resize(start + static_cast<std::size_t>(m.rows * m.columns) * sizeof(T));
  char* out = bytes.data() + start;
  for (std::int64_t i = 0; i < m.rows; ++i) {
    for (std::int64_t j = 0; j < m.columns; ++j, out += sizeof(T)) {
      const T v = m.layout == Layout::row_major ? m.data[i * m.ld + j] : m.data[i + j * m.ld];
      std::memcpy(out, &v, sizeof(T));
    }
  }
  return bytes;
}

template NpyArray<float> parse_npy_array(std::string_view, const std::string&);
template NpyArray<double> parse_npy_array(std::string_view, const std::string&);
template NpyArray<std::int64_t> parse_npy_array(std::string_view, const std::string&);
template DenseData<float> parse_npy(std::string_view, const std::string&);
template DenseData<double> parse_npy(std::string_view, const std::string&);
template DenseData<float> read_npy(const std::string&);
template DenseData<double> read_npy(const std::string&);
template std::string npy_bytes(DenseView<const float>);
template std::string npy_bytes(DenseView<const double>);

}  // namespace orthant::io
