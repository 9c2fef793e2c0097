#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/ptx/device.hpp"

namespace ptx_test {
namespace {

using testing::HasSubstr;

std::string parsed(const std::string& body, const std::string& heading = ".entry k(.param .u64 p)") {
  const std::string text = ".version 9.0\n.target sm_90\n.address_size 64\n" + heading +
                           "\n{\n.reg .b32 %r<4>;\n.reg .f32 %f<4>;\n"
                           ".reg .pred %p<2>;\n.reg .b64 %rd<2>;\n" +
                           body + "\nret;\n}\n";
  return error_of([&] { ptx::parse("text.ptx", text); });
}

TEST(Parse, KnownInstructions) {
  EXPECT_EQ(parsed("add.s32 %r1, %r2, -5;"), "no error");
  EXPECT_EQ(parsed("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f0, %f1, %f2, %f3}, {%r0, %r1, %r2, %r3}, "
                   "{%r0, %r1}, {%f0, %f1, %f2, %f3};"),
            "no error");
  EXPECT_EQ(parsed("cp.async.ca.shared.global [%r1], [%rd1], 4, %r2;\ncp.async.commit_group;\ncp.async.wait_group 1;"),
            "no error");
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
                                "prmt.b32.f4e %r1, %r2, %r3, 1;",
                                "cvt.rna.satfinite.tf32.f32 %r1, %f1;",
                                "cvt.rn.tf32.f32 %r1, %f1;",
                                "cp.async.ca.shared.global [%r1+4], [%rd1], 4, %r2;",
                                "cp.async.ca.shared.global [%r1], [%rd1+4], 4, %r2;",
                                "cp.async.ca.shared.global [%r1], [%rd1], 4;",
                                "cp.async.shared.global [%r1], [%rd1], 4, %r2;",
                                "cp.async.bulk.wait_group 0;",
                                "cp.async.wait_group 0, 1;",
                                "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 %f1, %r1, %r2, %f2;",
                                "mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32 {%f0, %f1, %f2, %f3}, "
                                "{%r0, %r1, %r2, %r3}, {%r0, %r1}, {%f0, %f1, %f2, %f3};",
                                "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f0, %f1, %f2, %f3}, "
                                "{%r0, %r1, %r2, %r3}, {%r0, %r1}, {%f0, %f1, %f2, %f3};"}) {
    const std::string name = bad.substr(0, bad.find(' '));
    EXPECT_THAT(parsed(bad), HasSubstr("text.ptx:10: unknown instruction \"" + name + "\"")) << bad;
  }
}

TEST(Parse, EveryKernelOfTheBackend) {
  for (const char* architecture : kArchitectures) {
    std::size_t files = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::filesystem::path(ORTHANT_PTX_BACKEND) / architecture)) {
      if (entry.path().extension() != ".ptx") continue;
      EXPECT_GT(ptx::load(entry.path())->kernels.size(), 0) << entry.path();
      ++files;
    }
    EXPECT_GT(files, 0);
  }
}

TEST(Parse, UnknownNames) {
  EXPECT_THAT(parsed("mov.u32 %r1, %clock;"), HasSubstr("text.ptx:10: unknown name \"%clock\""));
  EXPECT_THAT(parsed("mov.u32 %r9, 1;"), HasSubstr("unknown name \"%r9\""));
  EXPECT_THAT(parsed("bra nowhere;"), HasSubstr("unknown label \"nowhere\""));
  EXPECT_THAT(parsed("call elsewhere;"), HasSubstr("k calls the unknown function elsewhere"));
  EXPECT_THAT(
      parsed(
          "call cudaGraphSetConditional;\nret;\n}\n.extern .func cudaGraphSetConditional(.param .b64 h);\n.func g() {"),
      HasSubstr("k calls cudaGraphSetConditional with other parameters than it has"));
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
