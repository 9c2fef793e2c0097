#include "orthant/context.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "host/core/runtime.hpp"
#include "orthant/orthant.hpp"

namespace orthant {
namespace {

using testing::HasSubstr;

TEST(Context, SaysWhatRuns) {
  const Context context = Context::cpu({.threads = 2});
  EXPECT_EQ(context.backend(), "cpu");
  EXPECT_EQ(context.threads(), 2);
  EXPECT_FALSE(context.device().empty());
}

TEST(Context, RefusesAbsurdlyManyThreads) {
  EXPECT_NO_THROW(Context::cpu({.threads = CpuConfig::kMostThreads}));
  try {
    Context::cpu({.threads = 100000});
    ADD_FAILURE() << "accepted";
  } catch (const InvalidArgument& e) {
    EXPECT_THAT(e.what(), HasSubstr("100000"));
    EXPECT_THAT(e.what(), HasSubstr("1024"));
  }
}

TEST(Context, TakesSomeThreadsByDefault) { EXPECT_GE(Context::cpu().threads(), 1); }

TEST(Context, RefusesNegativeThreads) {
  try {
    Context::cpu({.threads = -3});
    FAIL() << "did not throw";
  } catch (const InvalidArgument& e) {
    EXPECT_THAT(e.name(), HasSubstr("threads"));
    EXPECT_EQ(e.value(), "-3");
    EXPECT_THAT(e.what(), HasSubstr(e.expected()));
    EXPECT_THAT(e.where().file, HasSubstr(".cpp"));
    EXPECT_GT(e.where().line, 0);
  }
}

// Sanitizers end a program that asks for too much memory.
constexpr bool is_sanitized() {
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
  return true;
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;
#else
  return false;
#endif
}

// Without a resource of the caller's.
TEST(Context, TellsHowMuchMemoryIsFree) {
  if (is_sanitized()) GTEST_SKIP();
  const Context context = Context::cpu();
  try {
    const core::Buffer<double> huge(context.runtime()->memory(), std::int64_t{1} << 55);
    FAIL() << "there was enough";
  } catch (const OutOfMemory& e) {
    EXPECT_EQ(e.requested(), std::int64_t{1} << 58);
    EXPECT_GT(e.free(), 0);
    EXPECT_THAT(e.where().file, HasSubstr("context_test.cpp"));
  }
}

TEST(Context, CudaIsUnavailableByName) {
  for (const auto& make : {+[] { return Context::cuda(); }, +[] { return Context::cuda(CudaConfig{.device = 1}); }}) {
    try {
      make();
      FAIL() << "did not throw";
    } catch (const BackendUnavailable& e) {
      EXPECT_EQ(e.backend(), "cuda");
      EXPECT_THAT(e.what(), HasSubstr("cuda"));
    }
  }
}

// Why there is no CUDA backend if this file is to be its module.
std::string refusal_of_module(const std::string& file) {
  setenv("ORTHANT_CUDA_MODULE", file.c_str(), 1);
  std::string reason;
  try {
    Context::cuda();
    ADD_FAILURE() << "took " << file;
  } catch (const BackendUnavailable& e) {
    EXPECT_EQ(e.backend(), "cuda");
    reason = e.what();
  }
  unsetenv("ORTHANT_CUDA_MODULE");
  return reason;
}

TEST(Context, SaysWhyTheModuleOfCudaCannotBeUsed) {
  const std::string text = testing::TempDir() + "orthant_no_library.so";
  std::ofstream(text) << "not a library, though it is longer than the header of one, which is sixty-four bytes\n";
  for (const std::string& file : {text, std::string("/no/such/liborthant_cuda.so")})
    EXPECT_THAT(refusal_of_module(file), HasSubstr("its module cannot be loaded: " + file + ": "));
  std::filesystem::remove(text);
  EXPECT_THAT(refusal_of_module("libm.so.6"), HasSubstr("libm.so.6 was found, but is not a module of Orthant"));
  EXPECT_THAT(refusal_of_module(ORTHANT_TEST_OLD_MODULE),
              HasSubstr(std::string(ORTHANT_TEST_OLD_MODULE) + ", is of version 0.0.1, the library of " + version()));
}

TEST(Version, OfLibraryIsThatOfHeaders) {
  EXPECT_EQ(version(), std::to_string(ORTHANT_VERSION_MAJOR) + "." + std::to_string(ORTHANT_VERSION_MINOR) + "." +
                           std::to_string(ORTHANT_VERSION_PATCH));
}

}  // namespace
}  // namespace orthant
