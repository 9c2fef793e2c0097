#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "tests/ptx/device.hpp"

namespace ptx_test {
namespace {

using testing::HasSubstr;

std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const ptx::Error& error) {
    return error.what();
  }
  return "no error";
}

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

// ---- Files that are not known in full.

std::string parsed(const std::string& body, const std::string& heading = ".entry k(.param .u64 p)") {
  const std::string text = ".version 9.0\n.target sm_90\n.address_size 64\n" + heading +
                           "\n{\n.reg .b32 %r<4>;\n.reg .f32 %f<4>;\n"
                           ".reg .pred %p<2>;\n.reg .b64 %rd<2>;\n" +
                           body + "\nret;\n}\n";
  return error_of([&] { ptx::parse("text.ptx", text); });
}

TEST(Parse, KnownInstructions) {
  EXPECT_EQ(parsed("add.s32 %r1, %r2, -5;"), "no error");
  EXPECT_EQ(parsed("@!%p1 bra L;\nL:\nld.param.u64 %rd1, [p];"), "no error");
}

TEST(Parse, UnknownOpcodesAndModifiersAreNamedWithTheirLine) {
  for (const std::string bad : {"frobnicate.s32 %r1, %r2;",
                                "add.fancy.s32 %r1, %r2, %r3;",
                                "add.rn.s32 %r1, %r2, %r3;",
                                "add.s32 %r1, %r2;",
                                "add.pred %p1, %p1, %p1;",
                                "fma.rn.s32 %r1, %r2, %r3, %r1;",
                                "rcp.f32 %f1, %f2;",
                                "ld.global.v3.f32 %f1, [%rd1];",
                                "ld.global.v2.f32 %f1, [%rd1];",
                                "setp.lo.f32 %p1, %f1, %f2;",
                                "setp.ltu.s32 %p1, %r1, %r2;",
                                "mul.s32 %r1, %r2, %r3;",
                                "atom.global.add.noftz.f16 %r1, [%rd1], %r2;",
                                "bar.sync 0, 64;",
                                "bar.red.popc.u32 %r1, 0, %p1;",
                                "shfl.down.b32 %r1, %r2, 1, 31;",
                                "activemask.b32 %r1;",
                                "cvt.f32.s32 %f1, %r1;",
                                "cvt.rn.s32.s64 %r1, %rd1;",
                                "redux.sync.add.s32 %r1, %r2, -1;",
                                "prmt.b32.f4e %r1, %r2, %r3, 1;"}) {
    const std::string name = bad.substr(0, bad.find(' '));
    EXPECT_THAT(parsed(bad), HasSubstr("text.ptx:10: unknown instruction \"" + name + "\"")) << bad;
  }
}

TEST(Parse, UnknownNames) {
  EXPECT_THAT(parsed("mov.u32 %r1, %clock;"), HasSubstr("text.ptx:10: unknown name \"%clock\""));
  EXPECT_THAT(parsed("mov.u32 %r9, 1;"), HasSubstr("unknown name \"%r9\""));
  EXPECT_THAT(parsed("bra nowhere;"), HasSubstr("unknown label \"nowhere\""));
  EXPECT_THAT(parsed("call elsewhere;"), HasSubstr("k calls the unknown function elsewhere"));
  EXPECT_THAT(parsed("call self;", ".func self()"), HasSubstr("self is recursive"));
  EXPECT_THAT(parsed("", ".entry k(.param .u64 p) .fancy"), HasSubstr("text.ptx:4: unknown directive \".fancy\""));
  EXPECT_THAT(parsed("", ".entry k(.param .fancy p)"), HasSubstr("text.ptx:4: unknown attribute \"fancy\""));
}

TEST(Parse, TextThatBreaksOff) {
  EXPECT_THAT(error_of([] { ptx::parse("text.ptx", ".entry k() {\n.reg .b32 %r1;\nadd.s32 %r1, "); }),
              HasSubstr("text.ptx:3: unexpected end"));
  EXPECT_THAT(error_of([] { ptx::load("no/such/file.ptx"); }), HasSubstr("no/such/file.ptx: cannot be opened"));
}

}  // namespace
}  // namespace ptx_test
