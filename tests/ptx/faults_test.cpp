#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/ptx/device.hpp"

namespace ptx_test {
namespace {

using testing::HasSubstr;

class Faults : public testing::TestWithParam<const char*> {
 protected:
  template <class... Arguments>
  std::string launch(const std::string& kernel, dim3 block, std::size_t shared_bytes, const Arguments&... arguments) {
    return error_of([&] { device_.launch(kernel, 1, block, shared_bytes, arguments...); });
  }
  std::string with_zeros(const std::string& kernel, unsigned block) {
    return launch(kernel, block, 0, device_.fill<int>(64));
  }

  Device device_{load("faults", GetParam())};
};

TEST_P(Faults, GlobalMemoryPastTheEnd) {
  auto* const x = device_.fill<float>(10);
  EXPECT_EQ(launch("write_past_end", 32, 0, x, 9), "no error");
  const std::string error = launch("write_past_end", 32, 0, x, 10);
  EXPECT_THAT(error, HasSubstr("kernel write_past_end, block (0, 0, 0), thread (10, 0, 0), faults.cu:6, faults.ptx:"));
  EXPECT_THAT(error, HasSubstr("st.global"));
  EXPECT_THAT(error, HasSubstr("4 bytes at global address 0x"));
  EXPECT_THAT(error, HasSubstr("outside every live allocation"));
}

TEST_P(Faults, NullPointer) {
  const float* const nothing = nullptr;
  EXPECT_THAT(launch("write_past_end", 32, 0, nothing, 1),
              HasSubstr("global address 0x0: outside every live allocation"));
}

TEST_P(Faults, Misaligned) {
  auto* const x = device_.fill<float>(16);
  auto* const out = device_.fill<float>(1);
  EXPECT_EQ(launch("read_misaligned", 1, 0, x, out, 4), "no error");
  const std::string error = launch("read_misaligned", 1, 0, x, out, 2);
  EXPECT_THAT(error, HasSubstr("16 bytes at global address"));
  EXPECT_THAT(error, HasSubstr("not aligned"));
}

TEST_P(Faults, StaticSharedMemoryPastTheEnd) {
  auto* const out = device_.fill<int>(32);
  EXPECT_EQ(launch("past_shared", 32, 0, out, 0), "no error");
  const std::string error = launch("past_shared", 32, 0, out, 1);
  EXPECT_THAT(error, HasSubstr("thread (31, 0, 0)"));
  EXPECT_THAT(error, HasSubstr("4 bytes at shared address"));
  EXPECT_THAT(launch("past_shared", 32, 0, out, -1), HasSubstr("thread (0, 0, 0)"));
}

TEST_P(Faults, DynamicSharedMemoryPastTheEnd) {
  auto* const out = device_.fill<int>(32);
  EXPECT_EQ(launch("past_dynamic_shared", 32, 128, out, 0), "no error");
  EXPECT_THAT(launch("past_dynamic_shared", 32, 124, out, 0), HasSubstr("thread (31, 0, 0)"));
  EXPECT_THAT(launch("past_dynamic_shared", 32, 128, out, 1), HasSubstr("4 bytes at shared address"));
}

TEST_P(Faults, LocalArrayPastTheEnd) {
  auto* const out = device_.fill<int>(64);
  EXPECT_EQ(launch("past_local", 1, 0, out, 8), "no error");
  EXPECT_THAT(launch("past_local", 1, 0, out, 9), HasSubstr("at local address"));
}

TEST_P(Faults, BarrierThatSomeDoNotReach) {
  EXPECT_EQ(with_zeros("half_at_barrier", 32), "no error");
  const std::string error = with_zeros("half_at_barrier", 64);
  EXPECT_THAT(error, HasSubstr("kernel half_at_barrier, block (0, 0, 0), thread (0, 0, 0)"));
  EXPECT_THAT(error, HasSubstr("divergent: 32 threads have ended; 32 threads wait at line"));
  EXPECT_THAT(error, HasSubstr("bar.sync"));
}

TEST_P(Faults, TwoBarriersAtOnce) {
  EXPECT_EQ(with_zeros("two_barriers", 32), "no error");
  const std::string error = with_zeros("two_barriers", 64);
  EXPECT_THAT(error, HasSubstr("divergent: 32 threads wait at line"));
  EXPECT_THAT(error, HasSubstr("; 32 threads wait at line"));
}

TEST_P(Faults, ShuffleThatALaneOfTheMaskDoesNotReach) {
  const std::string error = with_zeros("missing_lane", 32);
  EXPECT_THAT(error, HasSubstr("31 threads wait at line"));
  EXPECT_THAT(error, HasSubstr("shfl.sync.idx.b32"));
}

TEST_P(Faults, ShuffleOutsideTheOwnMask) {
  const std::string error = with_zeros("not_in_own_mask", 32);
  EXPECT_THAT(error, HasSubstr("thread (16, 0, 0)"));
  EXPECT_THAT(error, HasSubstr("the mask does not name the thread's own lane"));
}

TEST_P(Faults, ShuffleFromALaneThatTakesNoPart) {
  EXPECT_THAT(with_zeros("reads_absent_lane", 32), HasSubstr("reads from lane 9, which takes no part"));
}

TEST_P(Faults, ShuffleWithMasksThatDiffer) {
  const std::string error = with_zeros("different_masks", 32);
  EXPECT_THAT(error, HasSubstr("thread (16, 0, 0)"));
  EXPECT_THAT(error, HasSubstr("its mask differs from that of lane 0"));
}

TEST_P(Faults, LaunchThatDoesNotFitTheKernel) {
  auto* const x = device_.fill<float>(10);
  EXPECT_THAT(launch("write_past_end", 1, 0, x), HasSubstr("kernel write_past_end: 1 arguments"));
  EXPECT_THAT(launch("write_past_end", 1, 0, x, std::int64_t{3}), HasSubstr("argument 1 of 8 bytes"));
  EXPECT_THAT(launch("write_past_end", 1025, 0, x, 3), HasSubstr("1025 threads are more than the launch bounds"));
}

INSTANTIATE_TEST_SUITE_P(Architectures, Faults, testing::ValuesIn(kArchitectures), architecture_name);

}  // namespace
}  // namespace ptx_test
