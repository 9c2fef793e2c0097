// Asynchronous copies to shared memory, from the PTX of the vocabulary of kernels. Architectures before 8.0, which have
// no such instructions, copy at once.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/ptx/device.hpp"

namespace ptx_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class AsyncCopies : public testing::TestWithParam<const char*> {
 protected:
  bool has_instructions() const { return GetParam() != std::string("compute_75"); }

  Device device_{load("async_copies", GetParam())};
};

TEST_P(AsyncCopies, OfEverySize) {
  constexpr int kRows = 40, kValid = 37;
  for (const int count : {1, 2, 4}) {
    const std::size_t size = kRows * count;
    std::vector<float> x(size);
    for (std::size_t i = 0; i < size; ++i) x[i] = static_cast<float>(i) + 1;
    auto* const y = device_.fill<float>(size, -1);
    // Rows that are not valid are not read, nor need they be there.
    const std::vector<float> valid(x.begin(), x.begin() + kValid * count);
    device_.launch("copy_" + std::to_string(count), 1, kRows, size * sizeof(float), device_.copy(valid), y, kValid,
                   count, count);
    std::fill(x.begin() + kValid * count, x.end(), 0.0F);
    EXPECT_EQ(std::vector(y, y + size), x) << count;
  }
}

TEST_P(AsyncCopies, AreMadeAtTheWaitForTheirGroupAndNotBefore) {
  auto* const y = device_.fill<int>(6);
  device_.launch("wait_for_groups", 1, 1, 0, device_.copy(std::vector<int>{3, 4}), y);
  if (has_instructions()) {
    EXPECT_THAT(std::vector(y, y + 6), ElementsAre(-1, -1, 3, -1, 3, 4));
  } else {
    EXPECT_THAT(std::vector(y, y + 6), ElementsAre(3, 4, 3, 4, 3, 4));
  }
}

TEST_P(AsyncCopies, MustBeWaitedFor) {
  const std::string error = error_of([&] { device_.launch("never_commits", 1, 32, 0, device_.fill<int>(32)); });
  EXPECT_THAT(error, has_instructions() ? HasSubstr("thread (0, 0, 0)") : HasSubstr("no error"));
  EXPECT_THAT(error, HasSubstr(has_instructions() ? "ends with 1 copies that it has not waited for" : "no error"));
}

TEST_P(AsyncCopies, MustBeAlignedAndInsideOfMemory) {
  const auto error = [&](const std::string& kernel, int from_apart, int to_apart, std::size_t shared_bytes) {
    auto* const x = device_.fill<float>(32);
    auto* const y = device_.fill<float>(32);
    return error_of([&] { device_.launch(kernel, 1, 8, shared_bytes, x, y, 8, from_apart, to_apart); });
  };
  EXPECT_EQ(error("copy_4", 4, 4, 128), "no error");
  EXPECT_THAT(error("copy_1", 8, 1, 32), HasSubstr("thread (4, 0, 0)"));
  EXPECT_THAT(error("copy_1", 8, 1, 32), HasSubstr("4 bytes at global address"));
  EXPECT_THAT(error("copy_4", 4, 4, 124), HasSubstr("thread (7, 0, 0)"));
  EXPECT_THAT(error("copy_1", 1, 8, 128), HasSubstr("4 bytes at shared address"));
  if (!has_instructions()) return;  // whose plain copies are of single numbers
  EXPECT_THAT(error("copy_4", 2, 4, 128), HasSubstr("thread (1, 0, 0)"));
  EXPECT_THAT(error("copy_4", 2, 4, 128), HasSubstr("16 bytes at global address"));
  EXPECT_THAT(error("copy_2", 2, 1, 128), HasSubstr("8 bytes at shared address"));
  EXPECT_THAT(error("copy_2", 2, 1, 128), HasSubstr("not aligned"));
}

INSTANTIATE_TEST_SUITE_P(Architectures, AsyncCopies, testing::ValuesIn(kArchitectures), architecture_name);

}  // namespace
}  // namespace ptx_test
