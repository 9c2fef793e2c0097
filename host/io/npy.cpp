#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "host/io/io_error.hpp"
#include "host/io/npy_array.hpp"

namespace orthant::io {
namespace {

// The value of a key of the header, a Python dictionary literal, up to the comma or bracket that ends it.
std::string_view value_of(std::string_view header, std::string_view key, const std::string& file) {
  const std::size_t at = header.find("'" + std::string(key) + "'");
  const std::size_t colon = at == std::string_view::npos ? at : header.find(':', at);
  if (colon == std::string_view::npos) throw IoError::at_byte(file, 10, "the header has no key '" + std::string(key) + "'");
  std::size_t begin = colon + 1;
  while (begin < header.size() && header[begin] == ' ') ++begin;
  const bool tuple = begin < header.size() && header[begin] == '(';
  const std::size_t end = tuple ? header.find(')', begin) : header.find_first_of(",}", begin);
  if (end == std::string_view::npos) throw IoError::at_byte(file, 10, "the header is not a dictionary");
  return header.substr(begin, end - begin + (tuple ? 1 : 0));
}

template <class U>
U load(const char* p, bool swap) {
  char bytes[sizeof(U)];
  std::memcpy(bytes, p, sizeof(U));
  if (swap) std::reverse(bytes, bytes + sizeof(U));
  U value;
  std::memcpy(&value, bytes, sizeof(U));
  return value;
}

template <class T, class U>
void convert(std::string_view data, bool swap, std::vector<T>& out) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<T>(load<U>(data.data() + i * sizeof(U), swap));
}

}  // namespace

template <class T>
NpyArray<T> parse_npy_array(std::string_view bytes, const std::string& file) {
  const auto fail = [&](std::size_t byte, const std::string& what) {
    throw IoError::at_byte(file, static_cast<std::int64_t>(byte), what);
  };
  if (bytes.size() < 10 || bytes.substr(0, 6) != std::string_view("\x93NUMPY", 6)) fail(0, "not a NumPy file");
  const int version = bytes[6];
  if (version < 1 || version > 3) fail(6, "format version " + std::to_string(version) + ", expected 1, 2 or 3");
  const std::size_t start = version == 1 ? 10 : 12;
  if (bytes.size() < start) fail(bytes.size(), "the file ends in its header");
  const std::size_t length =
      version == 1 ? load<std::uint16_t>(bytes.data() + 8, std::endian::native == std::endian::big)
                   : load<std::uint32_t>(bytes.data() + 8, std::endian::native == std::endian::big);
  if (bytes.size() - start < length) fail(bytes.size(), "the file ends in its header");
  const std::string_view header = bytes.substr(start, length);
  NpyArray<T> array;
  array.fortran_order = value_of(header, "fortran_order", file).substr(0, 4) == "True";
  const std::string_view shape = value_of(header, "shape", file);
  std::size_t size = 1;
  for (const char *p = shape.data(), *end = p + shape.size(); p != end;) {
    std::int64_t n = 0;
    const auto result = std::from_chars(p, end, n);
    if (result.ec == std::errc()) {
      if (n < 0 || (n > 0 && size > bytes.size() / static_cast<std::size_t>(n))) {
        fail(bytes.size(), "shape " + std::string(shape) + " needs more bytes than the file has");
      }
      array.shape.push_back(n);
      size *= static_cast<std::size_t>(n);
      p = result.ptr;
    } else if (result.ec == std::errc::result_out_of_range) {
      fail(start, "shape " + std::string(shape) + " is too large");
    } else {
      ++p;
    }
  }
  std::string_view type = value_of(header, "descr", file);
  if (type.size() < 4 || type.front() != '\'') fail(start, "element type " + std::string(type) + " is not supported");
  type = type.substr(1, type.size() - 2);
  const bool big = type[0] == '>';
  const bool swap = type[0] != '|' && big != (std::endian::native == std::endian::big);
  const std::string_view kind = type.substr(1);
  const std::string_view data = bytes.substr(start + length);
  const std::size_t width = kind.size() == 2 ? static_cast<std::size_t>(kind[1] - '0') : 0;
  void (*convert_as)(std::string_view, bool, std::vector<T>&) =
      kind == "f4"                   ? convert<T, float>
      : kind == "f8"                 ? convert<T, double>
      : kind == "u1" || kind == "b1" ? convert<T, std::uint8_t>
      : kind == "u2"                 ? convert<T, std::uint16_t>
      : kind == "u4"                 ? convert<T, std::uint32_t>
      : kind == "u8"                 ? convert<T, std::uint64_t>
      : kind == "i1"                 ? convert<T, std::int8_t>
      : kind == "i2"                 ? convert<T, std::int16_t>
      : kind == "i4"                 ? convert<T, std::int32_t>
      : kind == "i8"                 ? convert<T, std::int64_t>
                                     : nullptr;
  if (convert_as == nullptr) {
    fail(start, "element type '" + std::string(type) + "' is not supported, expected f4, f8, b1, or an integer of 1 to 8 bytes");
  }
  if (data.size() < size * width) {
    fail(bytes.size(), "the file ends early: shape " + std::string(shape) + " needs " + std::to_string(size * width) +
                           " bytes of data, there are " + std::to_string(data.size()));
  }
  array.values.resize(size);
  convert_as(data, swap, array.values);
  return array;
}

template <class T>
DenseData<T> parse_npy(std::string_view bytes, const std::string& file) {
  NpyArray<T> array = parse_npy_array<T>(bytes, file);
  if (array.shape.size() != 2) {
    throw IoError(file, "has " + std::to_string(array.shape.size()) + " dimensions, expected a matrix (2)");
  }
  return {array.shape[0], array.shape[1], array.fortran_order ? Layout::column_major : Layout::row_major,
          std::move(array.values)};
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
template DenseData<float> parse_npy(std::string_view, const std::string&);
template DenseData<double> parse_npy(std::string_view, const std::string&);
template std::string npy_bytes(DenseView<const float>);
template std::string npy_bytes(DenseView<const double>);

}  // namespace orthant::io
