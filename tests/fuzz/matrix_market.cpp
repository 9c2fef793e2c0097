#include <omp.h>

#include "tests/fuzz/property.hpp"

namespace orthant::fuzz {
namespace {

// The text with long comments between its first lines: the same matrix, but so long that threads divide it.
std::string stretched(std::string_view text) {
  std::string out;
  std::size_t at = 0;
  for (int i = 0; i < 8; ++i) {
    const std::size_t end = text.find('\n', at);
    if (end == std::string_view::npos) break;
    out += text.substr(at, end + 1 - at);
    out += '%' + std::string(4200, 'c') + '\n';
    at = end + 1;
  }
  return out += text.substr(at);
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::string_view(reinterpret_cast<const char*>(a.data()), a.size() * sizeof(T)) ==
                                     std::string_view(reinterpret_cast<const char*>(b.data()), b.size() * sizeof(T));
}

template <class T>
bool same(const io::DenseData<T>& a, const io::DenseData<T>& b) {
  return a.rows == b.rows && a.columns == b.columns && same_bits(a.values, b.values);
}
template <class T>
bool same(const io::SparseData<T>& a, const io::SparseData<T>& b) {
  return a.rows == b.rows && a.columns == b.columns && a.offsets == b.offsets && a.indices == b.indices &&
         same_bits(a.values, b.values);
}

template <class T>
std::optional<io::MatrixData<T>> parse(std::string_view text, int threads) {
  omp_set_num_threads(threads);
  return reads_or_refuses(32 * text.size(), [&] { return io::parse_matrix_market<T>(text, "input"); });
}

template <class T>
void check(std::string_view text) {
  const auto whole = parse<T>(text, 1), divided = parse<T>(stretched(text), 2);
  if (whole.has_value() != divided.has_value()) fail("comments or threads decide whether it is read");
  if (!whole) return;
  if (whole->index() != divided->index()) fail("comments or threads decide how it is stored");
  const bool equal =
      std::visit([&](const auto& a) { return same(a, std::get<std::decay_t<decltype(a)>>(*divided)); }, *whole);
  if (!equal) fail("comments or threads decide what is read");
}

}  // namespace
}  // namespace orthant::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  orthant::fuzz::check<float>(orthant::fuzz::text(data, size));
  orthant::fuzz::check<double>(orthant::fuzz::text(data, size));
  return 0;
}
