#include "tests/simt/block.hpp"

#include <map>
#include <utility>

#include "tests/simt/describe.hpp"
#include "tests/simt/faults.hpp"
#include "tests/simt/sanitizers.hpp"

constinit thread_local uint3 threadIdx = {0, 0, 0};
constinit thread_local uint3 blockIdx = {0, 0, 0};
constinit thread_local dim3 blockDim = {1, 1, 1};
constinit thread_local dim3 gridDim = {1, 1, 1};

namespace simt {
namespace {

constinit thread_local Block* current = nullptr;

}  // namespace

Block* current_block() { return current; }

bool Block::run(Launch& launch, uint3 index) {
  prepare(launch, index);
  while (live_ > 0 && !failed_) {
    if (ready_count_ > 0) {
      resume(main_);
    } else {
      report(Fault{"deadlock: no thread can go on; " + waiting(), place(nullptr)});
      failed_ = true;
    }
  }
  if (failed_) {
    abandon();
  } else if (const std::string damage = shared_.damage(); !damage.empty()) {
    report(Fault{"a thread " + damage, place(nullptr)});
    failed_ = true;
  }
  accesses_.flush();
  ++accesses_.sum.blocks;
  add_traffic(launch.name, std::exchange(accesses_.sum, {}));
  current = nullptr;
  return !failed_;
}

void Block::prepare(Launch& launch, uint3 index) {
  if (!std::exchange(main_adopted_, true)) main_.adopt_thread();
  launch_ = &launch;
  index_ = index;
  const dim3 shape = launch.call.block;
  count_ = live_ = shape.x * shape.y * shape.z;
  arrived_ = 0;
  failed_ = false;
  shared_.start(launch.call.shared_bytes);
  sanitizer::release(this);
  for (Warp& warp : warps_) warp = {};
  // Each block gives its threads to other fibers: what a fiber did for the last block orders little in this one.
  ++turn_;
  for (unsigned i = 0; i < count_; ++i) {
    std::unique_ptr<Fiber>& fiber = fibers_[(i + turn_) % count_];
    if (fiber == nullptr) fiber = std::make_unique<Fiber>();
    threads_[i] = fiber.get();
    fiber->index = {i % shape.x, i / shape.x % shape.y, i / shape.x / shape.y};
    fiber->lane = i % 32;
    fiber->warp = i / 32;
    fiber->calls = 0;
    warps_[fiber->warp].lanes[fiber->lane] = fiber.get();
    warps_[fiber->warp].live |= 1u << fiber->lane;
    if (!std::exchange(fiber->started, true)) fiber->context.start(fiber->stack, enter);
    make_ready(*fiber);
  }
  current = this;
  blockIdx = index;
  blockDim = shape;
  gridDim = launch.call.grid;
}

void Block::enter() {
  Context::entered();
  for (;;) {
    current->begin_thread();
    current->launch_->body();
    current->end_thread();
  }
}

void Block::begin_thread() {
#ifdef SIMT_TSAN
  running_->context.set_name(("block " + describe(index_) + " thread " + describe(running_->index)).c_str());
#endif
  sanitizer::acquire(&launch_->begin);
  sanitizer::acquire(this);
}

void Block::end_thread() {
  Fiber& self = *running_;
  if (arrived_ > 0) {
    fail("this thread ends while thread " + describe(barrier_first_->index) + " waits for it at a barrier",
         barrier_site_);
  }
  Warp& warp = warps_[self.warp];
  for (const Fiber* other : warp.lanes) {
    if (other == nullptr || !(warp.waiting >> other->lane & 1) || !(other->call.mask >> self.lane & 1)) continue;
    fail("this thread ends while thread " + describe(other->index) + " waits for it in an operation of the warp",
         other->call.site);
  }
  sanitizer::release(&launch_->end);
  self.state = State::kDone;
  warp.live &= ~(1u << self.lane);
  --live_;
  leave();
}

void Block::barrier(Site site) {
  Fiber& self = *running_;
  if (live_ != count_) {
    fail("barrier after " + std::to_string(count_ - live_) + " threads of the block have ended", site);
  }
  if (arrived_ == 0) {
    barrier_site_ = site;
    barrier_first_ = &self;
  } else if (differs(site, barrier_site_)) {
    fail("divergent barrier: thread " + describe(barrier_first_->index) + " waits at " + describe(barrier_site_) +
             ", this thread comes to another",
         site);
  }
  self.state = State::kAtBarrier;
  self.call.site = site;
  const void* const meeting = shared_.barrier(phase_);
  sanitizer::release(meeting);
  if (++arrived_ == count_) {
    arrived_ = 0;
    ++phase_;
    ++accesses_.sum.barriers;
    accesses_.flush();
    for (unsigned i = 0; i < count_; ++i) make_ready(*threads_[i]);
  }
  leave();
  sanitizer::acquire(meeting);
}

void Block::make_ready(Fiber& fiber) {
  fiber.state = State::kReady;
  ready_[(ready_first_ + ready_count_++) % kMaxThreads] = &fiber;
}

void Block::resume(Context& from) {
  Fiber& next = *ready_[ready_first_];
  ready_first_ = (ready_first_ + 1) % kMaxThreads;
  --ready_count_;
  running_ = &next;
  threadIdx = next.index;
  if (&next.context != &from) switch_context(from, next.context);
}

void Block::leave() {
  Fiber& self = *running_;
  if (ready_count_ > 0) {
    resume(self.context);
  } else {
    running_ = nullptr;
    switch_context(self.context, main_);
  }
}

void Block::fail(const std::string& what, Site site) { fail(what, describe(site), cudaErrorLaunchFailure); }

void Block::fail(const std::string& what, const std::string& where, cudaError_t error) {
  report(Fault{what, place(running_) + ", " + where, error});
  failed_ = true;
  switch_context(std::exchange(running_, nullptr)->context, main_);
  __builtin_unreachable();
}

void Block::abandon() {
  for (unsigned i = 0; i < count_; ++i) {
    if (threads_[i]->state != State::kDone) threads_[i]->started = false;
  }
  ready_count_ = 0;
}

std::string Block::place() const { return place(running_); }

std::string Block::place(const Fiber* fiber) const {
  return "kernel " + launch_->name + ", block " + describe(index_) +
         (fiber != nullptr ? ", thread " + describe(fiber->index) : std::string());
}

std::string Block::waiting() const {
  std::map<std::string, std::pair<unsigned, const Fiber*>> groups;
  for (unsigned i = 0; i < count_; ++i) {
    const Fiber& fiber = *threads_[i];
    if (fiber.state == State::kDone) continue;
    auto& [size, first] = groups[describe(fiber.call.site)];
    if (size++ == 0) first = &fiber;
  }
  std::string text;
  for (const auto& [site, group] : groups) {
    text += (text.empty() ? "" : ", ") + std::to_string(group.first) + " threads (the first: thread " +
            describe(group.second->index) + ") wait at " + site;
  }
  return text;
}

}  // namespace simt
