#include <algorithm>
#include <map>
#include <numeric>

#include "tests/ptx/machine.hpp"

namespace ptx {
namespace {

std::uint32_t mask_of(const Thread& thread) {
  const Instruction& i = thread.last();
  return i.offset == kNoMask ? 0xFFFFFFFFU : thread.get<std::uint32_t>(i.at[i.offset]);
}

/// What every thread waits for, for a report.
std::string waits(const std::vector<Thread>& threads) {
  std::map<std::string, int> counts;
  for (const Thread& thread : threads) {
    const Place& place = thread.place();
    ++counts[thread.state() == State::ended ? "have ended"
                                            : "wait at line " + std::to_string(place.line) + ", " + place.text];
  }
  std::string text;
  for (const auto& [what, count] : counts)
    text += (text.empty() ? "" : "; ") + std::to_string(count) + " threads " + what;
  return text;
}

/// Opens the barrier if all threads are at it; otherwise none of them can go on.
void open_barrier(std::vector<Thread>& threads) {
  const auto waiting =
      std::find_if(threads.begin(), threads.end(), [](const Thread& t) { return t.state() != State::ended; });
  const bool all = std::all_of(threads.begin(), threads.end(), [&](const Thread& t) {
    return t.state() == State::at_barrier && &t.last() == &waiting->last();
  });
  if (!all) waiting->fail("divergent: " + waits(threads));
  for (Thread& thread : threads) thread.resume();
}

void run_block(std::vector<Thread>& threads, std::vector<Warp>& warps, uint3 block) {
  for (Thread& thread : threads) thread.start(block);
  while (true) {
    for (Warp& warp : warps) warp.run();
    if (std::all_of(threads.begin(), threads.end(), [](const Thread& t) { return t.state() == State::ended; })) return;
    open_barrier(threads);
  }
}

void check(const Launch& launch) {
  const Function& kernel = launch.kernel;
  const std::uint64_t threads = std::uint64_t{launch.block.x} * launch.block.y * launch.block.z;
  const auto check_that = [&](bool right, const std::string& what) {
    if (!right) throw Error(launch.module.name + ", kernel " + kernel.name + ": " + what);
  };
  check_that(threads <= (kernel.most_threads != 0 ? kernel.most_threads : 1024),
             std::to_string(threads) + " threads are more than the launch bounds");
  check_that(launch.arguments.size() == kernel.parameters.size(),
             std::to_string(launch.arguments.size()) + " arguments");
  for (std::size_t i = 0; i < kernel.parameters.size(); ++i) {
    check_that(launch.arguments[i].size() == kernel.parameters[i].bytes,
               "argument " + std::to_string(i) + " of " + std::to_string(launch.arguments[i].size()) + " bytes");
  }
}

}  // namespace

std::uint32_t Warp::live() const {
  std::uint32_t mask = 0;
  for (std::size_t i = 0; i < lanes_.size(); ++i) mask |= std::uint32_t{lanes_[i]->state() != State::ended} << i;
  return mask;
}

void Warp::run() {
  do {
    for (Thread* lane : lanes_) lane->run();
  } while (meet());
}

/// Runs what lanes have come together for; false if there was none. Lanes that have ended count as absent.
bool Warp::meet() {
  bool met = false;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const Thread& first = *lanes_[i];
    if (first.state() != State::at_warp) continue;
    const std::uint32_t mask = mask_of(first);
    if ((mask >> i & 1) == 0) first.fail("the mask does not name the thread's own lane");
    std::uint32_t here = 0;
    for (std::size_t j = 0; j < lanes_.size(); ++j) {
      const Thread& lane = *lanes_[j];
      const bool at_it = lane.state() == State::at_warp && &lane.last() == &first.last();
      if (at_it && (mask >> j & 1) != 0 && mask_of(lane) != mask)
        lane.fail("its mask differs from that of lane " + std::to_string(i));
      here |= std::uint32_t{at_it} << j;
    }
    const std::uint32_t named = mask & live();
    if ((here & named) != named) continue;
    const Instruction& instruction = first.last();
    instruction.together(*this, named, instruction);
    for (std::size_t j = 0; j < lanes_.size(); ++j) {
      if ((named >> j & 1) != 0) lanes_[j]->resume();
    }
    met = true;
  }
  return met;
}

void run(const Launch& launch) {
  check(launch);
  Memory memory(launch.module, launch.kernel, launch.dynamic_shared_bytes, launch.accessible);
  const std::size_t count = std::size_t{launch.block.x} * launch.block.y * launch.block.z;
  const std::size_t words = launch.kernel.stack_bytes / 8;
  std::vector<std::uint64_t> stacks(count * words);
  std::vector<Thread> threads;
  threads.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const uint3 index = {i % launch.block.x, i / launch.block.x % launch.block.y, i / launch.block.x / launch.block.y};
    threads.emplace_back(memory, launch, index, i, stacks.data() + i * words);
  }
  std::vector<Warp> warps;
  for (std::size_t first = 0; first < count; first += 32) {
    std::vector<Thread*> lanes;
    for (std::size_t i = first; i < std::min(first + 32, count); ++i) lanes.push_back(&threads[i]);
    warps.emplace_back(std::move(lanes));
  }
  for (std::uint32_t z = 0; z < launch.grid.z; ++z) {
    for (std::uint32_t y = 0; y < launch.grid.y; ++y) {
      for (std::uint32_t x = 0; x < launch.grid.x; ++x) {
        memory.poison_shared();
        run_block(threads, warps, {x, y, z});
      }
    }
  }
}

}  // namespace ptx
