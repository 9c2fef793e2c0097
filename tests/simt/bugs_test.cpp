// Every planted bug is reported, by the build named for it, with what it is and where.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <regex.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <vector>

#include "tests/simt/sanitizers.hpp"

namespace {

enum Build { kPlain = 1, kAddress = 2, kThread = 4, kMemory = 8, kAny = 15 };

#if defined(SIMT_ASAN)
constexpr Build kThisBuild = kAddress;
#elif defined(SIMT_TSAN)
constexpr Build kThisBuild = kThread;
#elif defined(SIMT_MSAN)
constexpr Build kThisBuild = kMemory;
#else
constexpr Build kThisBuild = kPlain;
#endif

struct Planted {
  const char* name;
  unsigned builds;
  const char* what;             // a regular expression
  const char* block = nullptr;  // regular expressions of indices; null: a bug of the host's
  const char* thread = nullptr;
  const char* marker = nullptr;  // of the line to be named, if not that of the bug's own name
};

/// Names it in lists of tests, which would hold its bytes.
void PrintTo(const Planted& bug, std::ostream* out) { *out << bug.name; }

constexpr char kSome[] = "[0-9]+, 0, 0";

const Planted kPlanted[] = {
    // Races.
    {"missing_barrier_before_read", kThread, "data race", "0, 0, 0", kSome},
    {"missing_barrier_before_write", kThread, "data race", "0, 0, 0", kSome},
    {"missing_barrier_in_loop", kThread, "data race", "0, 0, 0", kSome},
    {"missing_sync_warp", kThread, "data race", "0, 0, 0", kSome},
    {"missing_fence", kThread, "data race", kSome, "0, 0, 0"},
    {"blocks_accumulate", kThread, "data race", kSome, "0, 0, 0"},
    {"threads_write_one_place", kThread, "data race", "0, 0, 0", kSome},
    // Bounds.
    {"global_write_past_end", kPlain, "write to 0 bytes past the end of an allocation of 272 bytes", "2, 0, 0",
     "4, 0, 0"},
    {"global_write_past_end", kAddress, "use-after-poison", "2, 0, 0", "4, 0, 0"},
    {"global_write_past_large_end", kPlain, "write to 0 bytes past the end of an allocation of 8388608 bytes",
     "0, 0, 0", "0, 0, 0"},
    {"global_write_past_large_end", kAddress, "use-after-poison", "0, 0, 0", "0, 0, 0"},
    {"global_read_past_end", kPlain, "read of 0 bytes past the end of an allocation of 128 bytes", "0, 0, 0",
     "31, 0, 0"},
    {"global_read_past_end", kAddress, "use-after-poison", "0, 0, 0", "31, 0, 0"},
    {"global_write_before_start", kPlain, "write to 4 bytes before the start", "0, 0, 0", "0, 0, 0"},
    {"global_write_before_start", kAddress, "use-after-poison", "0, 0, 0", "0, 0, 0"},
    {"static_shared_past_end", kAddress, "use-after-poison", "[01], 0, 0", "15, 0, 0"},
    {"static_shared_canary", kPlain, "wrote past the end of the shared array tile of 64 bytes", "[01], 0, 0"},
    {"dynamic_shared_past_end", kPlain, "write past the end of the dynamic shared memory", "[01], 0, 0", "15, 0, 0"},
    {"dynamic_shared_past_end", kAddress, "use-after-poison|SEGV", "[01], 0, 0", "15, 0, 0"},
    {"missing_error_check", kPlain, "read of address .*, which is in no allocation", "0, 0, 0", "0, 0, 0"},
    {"missing_error_check", kAddress, "SEGV|null pointer", "0, 0, 0", "0, 0, 0"},
    {"stack_overflow", kPlain, "stack overflow", "0, 0, 0", "0, 0, 0"},
    {"index_overflow", kAddress, "signed integer overflow", "0, 0, 0", "0, 0, 0"},
    {"misaligned_load", kAddress, "misaligned address", "0, 0, 0", "0, 0, 0"},
    {"vector_load_misaligned", kAny, "access to 8 bytes of global memory, not aligned to as many", "0, 0, 0",
     "1, 0, 0"},
    {"vector_store_misaligned", kAny, "access to 8 bytes of global memory, not aligned to as many", "0, 0, 0",
     "0, 0, 0"},
    // Values that nobody wrote.
    {"uninitialised_shared", kMemory, "use-of-uninitialized-value", "0, 0, 0", "63, 0, 0"},
    {"uninitialised_local", kMemory, "use-of-uninitialized-value", "0, 0, 0", "7, 0, 0"},
    {"uninitialised_memory", kMemory, "use-of-uninitialized-value", "0, 0, 0", "31, 0, 0"},
    {"missing_event_wait", kMemory, "use-of-uninitialized-value", "0, 0, 0", "0, 0, 0"},
    // Asynchronous copies.
    {"missing_wait", kMemory, "use-of-uninitialized-value", "0, 0, 0", kSome},
    {"missing_wait", kThread, "data race", "0, 0, 0", kSome},
    {"missing_barrier_after_wait", kThread, "data race", "0, 0, 0", kSome},
    {"copy_before_barrier", kThread, "data race", "0, 0, 0", kSome},
    {"copied_memory_unwritten", kMemory, "use-of-uninitialized-value", "0, 0, 0", "31, 0, 0"},
    {"copy_in_flight", kAny, "ends with 2 asynchronous copies that it has not waited for", "0, 0, 0", "0, 0, 0"},
    {"copy_of_no_group", kAny, "ends with 1 asynchronous copies that it has not waited for", "0, 0, 0", "0, 0, 0"},
    {"copy_misaligned", kAny, "copy of 8 bytes from global memory that is not aligned to as many", "0, 0, 0",
     "1, 0, 0"},
    {"copy_misaligned_to", kAny, "copy of 8 bytes to shared memory that is not aligned to as many", "0, 0, 0",
     "1, 0, 0"},
    {"copy_from_past_end", kAny, "copy of 16 bytes from byte 496 of an allocation of 504 bytes of device memory",
     "0, 0, 0", "31, 0, 0"},
    {"copy_to_past_end", kAny, "copy of 4 bytes to shared memory outside of its arrays", "0, 0, 0", "31, 0, 0"},
    // Barriers and warps.
    {"barrier_for_half", kAny, "this thread ends while thread \\(0, 0, 0\\) waits for it at a barrier", "[01], 0, 0",
     "16, 0, 0"},
    {"return_before_barrier", kAny, "this thread ends while thread \\(0, 0, 0\\) waits", "[01], 0, 0", "20, 0, 0"},
    {"barrier_after_end", kAny, "barrier after 1 threads of the block have ended", "0, 0, 0", "1, 0, 0"},
    {"divergent_barriers", kAny, "divergent barrier: thread \\(0, 0, 0\\) waits at .*convergence.cpp:", "[01], 0, 0",
     "1, 0, 0", "two_barriers"},
    {"mask_without_own_lane", kAny, "mask 0xfffffffe does not name the thread's own lane 0", "0, 0, 0", "0, 0, 0"},
    {"mask_names_absent_lanes", kAny, "names lanes that do not exist or have ended: 0xffffff00", "0, 0, 0", "32, 0, 0"},
    {"lane_outside_mask", kAny, "reads lane 9, which is outside of mask 0x000000ff", "0, 0, 0", "0, 0, 0"},
    {"masks_differ", kAny, "mask 0x0000ffff names thread \\(0, 0, 0\\), which waits with mask 0xffffffff", "0, 0, 0",
     "5, 0, 0"},
    {"operations_differ", kAny, "which waits with mask 0xffffffff in another operation", "0, 0, 0", "7, 0, 0"},
    {"shuffles_differ", kAny, "which waits with mask 0xffffffff in another operation", "0, 0, 0", "7, 0, 0"},
    {"widths_differ", kAny, "names thread \\(0, 0, 0\\), which waits with mask 0xffffffff and width 32", "0, 0, 0",
     "16, 0, 0"},
    {"votes_differ", kAny, "which waits with mask 0xffffffff in another operation", "0, 0, 0", "31, 0, 0"},
    {"sync_warp_of_one", kAny, "names lanes that do not exist or have ended", "0, 0, 0", "3, 0, 0"},
    {"product_of_some_lanes", kAny,
     "this thread ends while thread \\(0, 0, 0\\) waits for it in an operation of the warp", "0, 0, 0", "24, 0, 0"},
    {"product_of_partial_warp", kAny, "names lanes that do not exist or have ended: 0xffffff00", "0, 0, 0", "32, 0, 0"},
    {"formats_differ", kAny, "which waits with mask 0xffffffff in another operation", "0, 0, 0", "7, 0, 0"},
    {"deadlock", kAny,
     "deadlock: .*16 threads \\(the first: thread \\(0, 0, 0\\)\\) wait at.*16 threads \\(the first: thread \\(16, 0, "
     "0\\)\\)",
     "0, 0, 0"},
    {"width_not_power_of_two", kAny, "power of two up to 32, not 24", "0, 0, 0", "0, 0, 0"},
    {"too_much_shared", kAny, "more than 48 KiB of static shared memory with array second", "0, 0, 0", "0, 0, 0"},
    {"too_much_shared_together", kAny,
     "static shared memory of 16 bytes with array few, beside 49152 of the launch or allowed to it: more than the "
     "49152 that a block may have.*kernel bugs::takes_more_than_the_launch",
     "0, 0, 0", "0, 0, 0"},
    {"too_much_shared_allowed", kAny,
     "static shared memory of 16 bytes with array few, beside 232448 of the launch or allowed to it: more than the "
     "232448 that a block may have.*kernel bugs::is_allowed_more_than_there_is",
     "0, 0, 0", "0, 0, 0"},
    // The order of work on streams.
    {"use_before_allocation", kPlain, "whose turn in its stream has not come", "0, 0, 0", "0, 0, 0",
     "use_of_memory_in_wrong_order"},
    {"use_before_allocation", kAddress, "SEGV|use-after-poison", "0, 0, 0", "0, 0, 0", "use_of_memory_in_wrong_order"},
    {"use_after_free", kPlain, "which has been freed", "0, 0, 0", "0, 0, 0", "use_of_memory_in_wrong_order"},
    {"use_after_free", kAddress, "SEGV|use-after-poison", "0, 0, 0", "0, 0, 0", "use_of_memory_in_wrong_order"},
    // The host's bugs: of no thread of a kernel.
    {"host_dereferences_device", kPlain,
     "write to byte 4 of an allocation of 16 bytes of device memory.*host's code.*host.cpp"},
    {"host_dereferences_device", kAddress, "SEGV.*host.cpp"},
    {"copy_past_end", kAny, "copy of 32 bytes at byte 0 of an allocation of 28 bytes"},
    {"copy_of_wrong_kind", kAny, "copy: host memory where the call says device"},
    {"pinned_memory_overwritten", kAny, "the device has: 2"},
    {"pinned_memory_freed", kAny, "pinned memory that was freed before its turn"},
    {"freed_twice", kAny, "cudaFree of what is no live allocation.*cudaErrorInvalidValue"},
    {"leak", kAny, "allocations: 1\nstreams: 1"},
    {"too_much_dynamic_shared", kAny, "more dynamic shared memory than the kernel was allowed"},
    {"block_too_large", kAny, "launch: cudaErrorInvalidConfiguration"},
    {"empty_grid", kAny, "launch: cudaErrorInvalidConfiguration"},
    {"wait_in_capture", kAny, "synchronize: cudaErrorStreamCaptureUnsupported\nend: cudaErrorStreamCaptureInvalidated"},
    {"device_wait_in_capture", kAny,
     "synchronize: cudaErrorStreamCaptureUnsupported\nend: cudaErrorStreamCaptureInvalidated"},
    {"host_function_in_loop", kAny, "a function of the host in the body of a loop"},
    {"pageable_copy_to_loop", kAny, "a copy of pageable memory in the body of a loop"},
    {"pageable_copy_from_loop", kAny, "a copy of pageable memory in the body of a loop"},
    {"unjoined_fork", kAny, "end: cudaErrorStreamCaptureUnjoined"},
    {"allocation_in_capture", kAny,
     "allocation: cudaErrorStreamCaptureUnsupported\nend: cudaErrorStreamCaptureInvalidated"},
    {"call_from_host_function", kAny, "inside: cudaErrorNotPermitted"},
};

/// "file:line" of the line that ends in the marker.
std::string place_of(const std::string& marker) {
  for (const auto& file : std::filesystem::directory_iterator(SIMT_BUGS_SOURCES)) {
    std::ifstream stream(file.path());
    std::string line;
    for (int number = 1; std::getline(stream, line); ++number) {
      const std::string end = "// bug: " + marker;
      if (line.size() >= end.size() && line.compare(line.size() - end.size(), end.size(), end) == 0) {
        return file.path().filename().string() + ":" + std::to_string(number);
      }
    }
  }
  return "no line with marker " + marker;
}

std::string output_of(const std::string& name) {
  std::string text;
  FILE* const child = popen((std::string(SIMT_BUGS) + " " + name + " 2>&1").c_str(), "r");
  char buffer[4096];
  for (std::size_t size; (size = fread(buffer, 1, sizeof buffer, child)) > 0;) text.append(buffer, size);
  pclose(child);
  return text;
}

/// An extended regular expression, in which a dot stands for the end of a line too.
bool matches(const std::string& text, const std::string& expression) {
  regex_t compiled;
  if (regcomp(&compiled, expression.c_str(), REG_EXTENDED | REG_NOSUB) != 0) return false;
  const bool found = regexec(&compiled, text.c_str(), 0, nullptr, 0) == 0;
  regfree(&compiled);
  return found;
}

class Bugs : public testing::TestWithParam<Planted> {};

TEST_P(Bugs, IsReported) {
  const Planted& bug = GetParam();
  const std::string report = output_of(bug.name);
  EXPECT_TRUE(matches(report, bug.what)) << bug.what << " is not in\n" << report;
  if (bug.block == nullptr) return;
  const std::string block = std::string("block \\(") + bug.block + "\\)";
  const std::string thread = bug.thread == nullptr ? "" : std::string(".*thread \\(") + bug.thread + "\\)";
  EXPECT_TRUE(matches(report, block + thread)) << block << thread << " is not in\n" << report;
  EXPECT_THAT(report, testing::HasSubstr(place_of(bug.marker == nullptr ? bug.name : bug.marker)));
}

std::vector<Planted> of_this_build() {
  std::vector<Planted> bugs;
  for (const Planted& bug : kPlanted) {
    if (bug.builds & kThisBuild) bugs.push_back(bug);
  }
  return bugs;
}

INSTANTIATE_TEST_SUITE_P(Planted, Bugs, testing::ValuesIn(of_this_build()),
                         [](const auto& planted) { return std::string(planted.param.name); });

}  // namespace
