#include "tests/simt/fiber.hpp"

#include <pthread.h>
#include <sys/mman.h>

#include <cstdint>
#include <new>

#include "tests/simt/sanitizers.hpp"

#ifndef __x86_64__
#error "the switch between fibers is written for x86-64"
#endif

// What a called function must preserve goes to the stack that is left, and comes from the stack that is entered.
asm(R"(
.text
.type simt_switch_stack, @function
simt_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size simt_switch_stack, . - simt_switch_stack
)");
extern "C" void simt_switch_stack(void** saved, void* entered);

namespace simt {

Stack::Stack() {
  void* mapped =
      mmap(nullptr, kBytes + kGuard, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) throw std::bad_alloc();
  mprotect(mapped, kGuard, PROT_NONE);
  bottom_ = static_cast<char*>(mapped) + kGuard;
}

Stack::~Stack() {
  // The frames of a thread that was abandoned are marked, and would be in what another thread maps at this address.
  sanitizer::allow(bottom_, kBytes);
  munmap(bottom_ - kGuard, kBytes + kGuard);
}

Context::~Context() {
#ifdef SIMT_TSAN
  if (thread_ != nullptr && bottom_ != nullptr) __tsan_destroy_fiber(thread_);
#endif
}

void Context::adopt_thread() {
#ifdef SIMT_ASAN
  pthread_attr_t attributes;
  void* bottom = nullptr;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &bottom, &bytes_);
  pthread_attr_destroy(&attributes);
  bottom_ = bottom;
#endif
#ifdef SIMT_TSAN
  thread_ = __tsan_get_current_fiber();
#endif
}

void Context::start(const Stack& stack, void (*entry)()) {
  bottom_ = stack.bottom();
  bytes_ = Stack::kBytes;
  auto** top = reinterpret_cast<void**>(stack.top());
  // From above: a return address that ends the walk of a debugger, the address that the switch returns to, six
  // registers. `entry` finds the stack aligned as if it had been called.
  top[-1] = nullptr;
  top[-2] = reinterpret_cast<void*>(entry);
  for (int i = 3; i <= 8; ++i) top[-i] = nullptr;
  stack_pointer_ = top - 8;
#ifdef SIMT_TSAN
  thread_ = __tsan_create_fiber(0);
#endif
}

void Context::set_name([[maybe_unused]] const char* name) {
#ifdef SIMT_TSAN
  __tsan_set_fiber_name(thread_, name);
#endif
}

void Context::release([[maybe_unused]] const void* object) {
#ifdef SIMT_TSAN
  void* const self = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(thread_, __tsan_switch_to_fiber_no_sync);
  sanitizer::release(object);
  __tsan_switch_to_fiber(self, __tsan_switch_to_fiber_no_sync);
#endif
}

void Context::entered() {
#ifdef SIMT_ASAN
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
}

void switch_context(Context& from, Context& to) {
#ifdef SIMT_ASAN
  __sanitizer_start_switch_fiber(&from.fake_stack_, to.bottom_, to.bytes_);
#endif
#ifdef SIMT_TSAN
  __tsan_switch_to_fiber(to.thread_, __tsan_switch_to_fiber_no_sync);
#endif
  simt_switch_stack(&from.stack_pointer_, to.stack_pointer_);
#ifdef SIMT_ASAN
  __sanitizer_finish_switch_fiber(from.fake_stack_, nullptr, nullptr);
#endif
}

}  // namespace simt
