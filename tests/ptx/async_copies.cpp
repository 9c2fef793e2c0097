// Asynchronous copies from global to shared memory, in groups: PTX ISA, "cp.async".

#include "tests/ptx/decode.hpp"

namespace ptx {
namespace {

// [to], [from], bytes, of which so many are read and the others become zero.
void begin(Thread& t, const Instruction& i) {
  const auto bytes = t.get<std::uint32_t>(i.at[2]), bytes_read = t.get<std::uint32_t>(i.at[3]);
  if (bytes != 4 && bytes != 8 && bytes != 16) t.fail("a copy of " + std::to_string(bytes) + " bytes");
  if (bytes_read != 0 && bytes_read != bytes) t.fail("a copy that reads " + std::to_string(bytes_read) + " bytes");
  std::byte* const to = t.at<Space::shared>(t.get<std::uint64_t>(i.at[0]), bytes);
  const bool reads = bytes_read != 0;
  t.begin_copy(to, reads ? t.at<Space::global>(t.get<std::uint64_t>(i.at[1]), bytes) : nullptr, bytes);
}

}  // namespace

bool decode_async_copy(Mnemonic& name, const Shape& shape, Instruction& i) {
  if (name.opcode() != "cp" || !name.take("async")) return false;
  if (name.take("commit_group")) {
    i.run = [](Thread& t, const Instruction&) { t.commit_copies(); };
    return shape.empty();
  }
  if (name.take("wait_group")) {
    i.run = [](Thread& t, const Instruction& wait) { t.wait_for_copies(t.get<std::uint32_t>(wait.at[0])); };
    return shape == Shape{1};
  }
  i.run = begin;
  const bool cached = name.take("ca") || name.take("cg");
  // One offset would not say of which address it is.
  return cached && name.take("shared") && name.take("global") && shape == Shape{1, 1, 1, 1} && i.offset == 0;
}

}  // namespace ptx
