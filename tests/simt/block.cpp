#include "tests/simt/block.hpp"

#include <map>
#include <utility>

#include "tests/simt/describe.hpp"
#include "tests/simt/faults.hpp"
#include "tests/simt/sanitizers.hpp"

// The attribute of their declarations is repeated: without it each switch of threads calls a function for the address.
constinit thread_local uint3 threadIdx [[gnu::tls_model("initial-exec")]] = {0, 0, 0};
constinit thread_local uint3 blockIdx [[gnu::tls_model("initial-exec")]] = {0, 0, 0};
constinit thread_local dim3 blockDim [[gnu::tls_model("initial-exec")]] = {1, 1, 1};
constinit thread_local dim3 gridDim [[gnu::tls_model("initial-exec")]] = {1, 1, 1};

namespace simt {
namespace {

constinit thread_local Block* current [[gnu::tls_model("initial-exec")]] = nullptr;

#ifdef SIMT_TSAN
char* write(char* to, const char* text) {
  while (*text != '\0') *to++ = *text++;
  to[0] = to[1] = '\0';
  return to;
}

char* write(char* to, unsigned number) {
  if (number >= 10) to = write(to, number / 10);
  const char digit[] = {static_cast<char>('0' + number % 10), '\0'};
  return write(to, digit);
}

char* write(char* to, uint3 index) {
  return write(write(write(write(write(to, index.x), ", "), index.y), ", "), index.z);
}
#endif

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
    if (fiber == nullptr) {
      fiber = std::make_unique<Fiber>();
      fiber->context.start(fiber->stack, enter);
    }
    threads_[i] = fiber.get();
    fiber->index = {i % shape.x, i / shape.x % shape.y, i / shape.x / shape.y};
    fiber->lane = i % 32;
    fiber->warp = i / 32;
    fiber->calls = 0;
    warps_[fiber->warp].lanes[fiber->lane] = fiber.get();
    warps_[fiber->warp].live |= 1u << fiber->lane;
    make_ready(*fiber);
  }
  current = this;
  blockIdx = index;
  blockDim = shape;
  gridDim = launch.call.grid;
}

void Block::end_share() { sanitizer::acquire(&end_); }

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
  char name[96];  // no string: the sanitizer's own instances of its functions would be seen to write here
  write(write(write(write(name, "block ("), index_), ") thread ("), running_->index)[0] = ')';
  running_->context.set_name(name);
#endif
  sanitizer::acquire(this);
}

void Block::end_thread() {
  Fiber& self = *running_;
  if (const Copy* const copy = self.copies.first(); copy != nullptr) {
    accuse("this thread ends with " + std::to_string(self.copies.size()) +
               " asynchronous copies that it has not waited for, the first begun here",
           copy->site);
    stop();
  }
  if (arrived_ > 0) {
    accuse("this thread ends while thread " + describe(barrier_first_->index) + " waits for it at a barrier",
           barrier_site_);
    stop();
  }
  Warp& warp = warps_[self.warp];
  for (unsigned left = warp.waiting; left != 0; left &= left - 1) {
    const Fiber* const other = warp.lanes[__builtin_ctz(left)];
    if (!(other->call.terms.mask >> self.lane & 1)) continue;
    accuse("this thread ends while thread " + describe(other->index) + " waits for it in an operation of the warp",
           other->call.site);
    stop();
  }
  sanitizer::release(&end_);
  self.state = State::kDone;
  warp.live &= ~(1u << self.lane);
  --live_;
  leave();
}

void Block::barrier(Site site) {
  Fiber& self = *running_;
  if (live_ != count_) {
    accuse("barrier after " + std::to_string(count_ - live_) + " threads of the block have ended", site);
    stop();
  }
  if (arrived_ == 0) {
    barrier_site_ = site;
    barrier_first_ = &self;
  } else if (differs(site, barrier_site_)) {
    accuse("divergent barrier: thread " + describe(barrier_first_->index) + " waits at " + describe(barrier_site_) +
               ", this thread comes to another",
           site);
    stop();
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

void Block::accuse(const std::string& what, Site site, cudaError_t error) { accuse(what, describe(site), error); }

void Block::accuse(const std::string& what, const std::string& where, cudaError_t error) {
  report(Fault{what, place(running_) + ", " + where, error});
}

void Block::stop() {
  failed_ = true;
  switch_context(std::exchange(running_, nullptr)->context, main_);
  __builtin_unreachable();
}

void Block::abandon() {
  // With its stack: it must not be taken for the same memory, used by another thread.
  for (unsigned i = 0; i < count_; ++i) {
    if (threads_[i]->state == State::kDone) continue;
    threads_[i]->context.release(&end_);
    sanitizer::acquire(&end_);  // what the thread allocated goes with it: no race
    fibers_[(i + turn_) % count_] = nullptr;
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
