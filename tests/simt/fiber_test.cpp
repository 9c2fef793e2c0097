// Stacks of the rig's threads.

#include "tests/simt/fiber.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include "tests/simt/sanitizers.hpp"

namespace {

// A thread that is abandoned leaves frames that the address sanitizer has marked. Whatever is mapped where its stack
// was must not be taken for them: here, as by chance between blocks of one grid, at the very address.
TEST(Stack, LeavesNoMarksWhereItWas) {
  void* where = nullptr;
  {
    const simt::Stack abandoned;
    where = abandoned.bottom();
    simt::sanitizer::forbid(where, simt::Stack::kBytes);
  }
  void* const next = mmap(where, simt::Stack::kBytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  ASSERT_EQ(next, where);
  auto* const bytes = static_cast<volatile char*>(next);
  for (std::size_t i = 0; i < simt::Stack::kBytes; i += 64) bytes[i] = 1;
  EXPECT_EQ(bytes[64], 1);
  EXPECT_EQ(munmap(next, simt::Stack::kBytes), 0);
}

}  // namespace
