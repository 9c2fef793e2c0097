#include "tests/fuzz/property.hpp"

namespace orthant::fuzz {
namespace {

// What is read is written and read again: the same numbers, bit by bit.
template <class T>
void check(std::string_view bytes) {
  const auto first = reads_or_refuses(9 * bytes.size(), [&] { return io::parse_npy<T>(bytes, "input"); });
  if (!first) return;
  const std::string written = io::npy_bytes(first->view());
  const io::DenseData<T> second = io::parse_npy<T>(written, "written");
  if (second.rows != first->rows || second.columns != first->columns) fail("another shape is read than written");
  if (io::npy_bytes(second.view()) != written) fail("other numbers are read than written");
}

}  // namespace
}  // namespace orthant::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  orthant::fuzz::check<float>(orthant::fuzz::text(data, size));
  orthant::fuzz::check<double>(orthant::fuzz::text(data, size));
  return 0;
}
