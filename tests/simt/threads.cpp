#include "tests/simt/threads.hpp"

#include <cstdint>
#include <string>

#include "tests/simt/block.hpp"
#include "tests/simt/conditions.hpp"
#include "tests/simt/sanitizers.hpp"

namespace simt {

void block_barrier(Site site) { current_block()->barrier(site); }

void warp_barrier(unsigned mask, Site site) { current_block()->warp({{WarpOp::kSync, mask}, 0, 0, site}); }

std::uint64_t warp_shuffle(std::uint64_t bits, Lanes lanes, unsigned operand, int width, unsigned mask, Site site) {
  Block& block = *current_block();
  if (width < 1 || width > 32 || (width & (width - 1)) != 0) {
    block.accuse("a shuffle's width must be a power of two up to 32, not " + std::to_string(width), site);
    block.stop();
  }
  const unsigned self = block.lane();
  const unsigned inside = static_cast<unsigned>(width) - 1;
  const unsigned last = self | inside;
  unsigned source = 0;
  WarpOp op = WarpOp::kShuffle;
  switch (lanes) {
    case Lanes::kIndexed:
      source = (self & ~inside) | (operand & inside);
      break;
    case Lanes::kXor:
      op = WarpOp::kShuffleXor;
      source = self ^ operand;
      break;
    case Lanes::kDown:
      op = WarpOp::kShuffleDown;
      source = self + operand;
      break;
  }
  if (source > last) source = self;
  return block.warp({{op, mask, width}, bits, source, site});
}

unsigned warp_vote(Vote vote, bool predicate, unsigned mask, Site site) {
  const WarpOp op = vote == Vote::kAny ? WarpOp::kAny : vote == Vote::kAll ? WarpOp::kAll : WarpOp::kBallot;
  return static_cast<unsigned>(current_block()->warp({{op, mask}, predicate, 0, site}));
}

void warp_multiply(Factors factors, Fragments& fragments, Site site) {
  const WarpOp op = factors == Factors::kTf32 ? WarpOp::kMultiplyTf32 : WarpOp::kMultiplyBf16;
  current_block()->warp({{op, 0xFFFFFFFFU}, 0, 0, site, &fragments});
}

void check_vector(const void* address, std::size_t bytes, Site site) {
  if (reinterpret_cast<std::uintptr_t>(address) % bytes == 0) return;
  current_block()->accuse("access to " + std::to_string(bytes) + " bytes of global memory, not aligned to as many",
                          site, cudaErrorMisalignedAddress);
  current_block()->stop();
}

void device_fence() {
  const Launch& launch = current_block()->launch();
  sanitizer::release(&launch.fence);
  sanitizer::acquire(&launch.fence);
}

void* shared_array(const void* key, std::size_t bytes, std::size_t alignment, const char* name, Site site) {
  Block& block = *current_block();
  void* const data = block.shared().array(key, bytes, alignment, name, site);
  const std::size_t used = block.shared().static_bytes();
  if (data == nullptr || used > SharedMemory::kStaticLimit) {
    block.accuse("more than 48 KiB of static shared memory with array " + std::string(name), site);
    block.stop();
  }
  // A device knows that when the kernel is launched or the memory allowed, and refuses it.
  const Launch& launch = block.launch();
  const std::size_t dynamic = launch.shared_dynamic;
  if (dynamic > 0 && (used + 15) / 16 * 16 + dynamic > launch.shared_limit) {
    block.accuse("static shared memory of " + std::to_string(used) + " bytes with array " + name + ", beside " +
                     std::to_string(dynamic) + " of the launch or allowed to it: more than the " +
                     std::to_string(launch.shared_limit) + " that a block may have",
                 site, cudaErrorInvalidValue);
    block.stop();
  }
  return data;
}

void* dynamic_shared() { return current_block()->shared().dynamic(); }

void set_conditional(cudaGraphConditionalHandle handle, unsigned value, Site site) {
  Condition* const condition = find_condition(handle);
  if (condition == nullptr) {
    current_block()->accuse("set_conditional with a handle of no graph", site);
    current_block()->stop();
  }
  condition->value.store(value, std::memory_order_relaxed);
}

}  // namespace simt
