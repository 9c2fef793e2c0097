// The suites on the CPU backend.

#include "host/cpu/simd.hpp"  // before Highway: says for which instruction sets the library was compiled

#include <hwy/targets.h>

#include "tests/test_context.hpp"

namespace orthant::test {

const bool kOnDevice = false;

class CountedResource final : public MemoryResource {
 public:
  explicit CountedResource(CountingMemory& memory) : memory_(memory) {}
  void* allocate(std::size_t bytes, std::size_t alignment) override {
    return memory_.allocated(bytes, [&] { return ::operator new(bytes, std::align_val_t(alignment)); });
  }
  void deallocate(void* pointer, std::size_t bytes, std::size_t alignment) noexcept override {
    memory_.freed(bytes);
    ::operator delete(pointer, std::align_val_t(alignment));
  }

 private:
  CountingMemory& memory_;
};

std::shared_ptr<CountedResource> make_resource(CountingMemory& memory) {
  return std::make_shared<CountedResource>(memory);
}

Context make_context(int threads, CountingMemory* memory) {
  return Context::cpu({.threads = threads, .memory = memory != nullptr ? &memory->resource() : nullptr});
}

namespace {

// How many of the instruction sets are tested under a sanitizer, which is slow.
constexpr std::size_t most_targets() {
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
  return 1;  // threads share the work alike on every instruction set
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
  return 2;  // the third set has one lane and no edges of vectors
#else
  return 100;
#endif
}

}  // namespace

std::vector<SimdTarget> simd_targets() {
  std::vector<SimdTarget> targets;
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets())
    if (targets.size() < most_targets()) targets.push_back({hwy::TargetName(target), target});
  return targets;
}

}  // namespace orthant::test
