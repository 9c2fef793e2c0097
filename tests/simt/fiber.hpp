#pragma once

#include <cstddef>

namespace simt {

/// A stack with a guard page below it.
class Stack {
 public:
  Stack();
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  char* bottom() const { return bottom_; }
  char* top() const { return bottom_ + kBytes; }
  /// Whether the address is in the guard page.
  bool guards(const void* address) const { return address < bottom_ && address >= bottom_ - kGuard; }

  static constexpr std::size_t kGuard = 4096;
  static constexpr std::size_t kBytes = 256 * 1024;  // reserved; the sanitizers need about twice what others need

 private:
  char* bottom_;
};

/// Where a thread of execution stands: the thread of the operating system itself, or a fiber on a stack of its own.
class Context {
 public:
  Context() = default;
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// The context of the calling thread.
  void adopt_thread();
  /// A context that starts in `entry`, which must never return, when it is switched to. Once only.
  void start(const Stack& stack, void (*entry)());
  void set_name(const char* name);
  /// What the context did happens before what follows sanitizer::acquire(object).
  void release(const void* object);

  friend void switch_context(Context& from, Context& to);

  /// To be called first in `entry`.
  static void entered();

 private:
  void* stack_pointer_ = nullptr;
  const void* bottom_ = nullptr;
  std::size_t bytes_ = 0;
  [[maybe_unused]] void* fake_stack_ = nullptr;  // the address sanitizer's
  [[maybe_unused]] void* thread_ = nullptr;      // the thread sanitizer's
};

/// Goes on in `to`; returns when somebody switches to `from`.
void switch_context(Context& from, Context& to);

}  // namespace simt
