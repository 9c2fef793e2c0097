#include "tests/fuzz/property.hpp"

// What is read is written and read again: the same numbers, bit by bit.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace orthant;
  fuzz::reads_or_refuses([&] { return io::parse_npy<float>(fuzz::text(data, size), "input"); });
  fuzz::reads_or_refuses([&] {
    const io::DenseData<double> first = io::parse_npy<double>(fuzz::text(data, size), "input");
    const std::string written = io::npy_bytes(first.view());
    if (io::npy_bytes(io::parse_npy<double>(written, "written").view()) != written) fuzz::fail("written is not read");
    return first;
  });
  return 0;
}
