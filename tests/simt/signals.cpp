// Accesses to forbidden memory. In plain builds a kernel's becomes a fault of the kernel's, as on a device, and the
// host's is explained before the program ends. In sanitized builds the sanitizer reports, and the rig adds which thread
// it was.

#include "tests/simt/block.hpp"
#include "tests/simt/faults.hpp"
#include "tests/simt/memory.hpp"
#include "tests/simt/sanitizers.hpp"
#include "tests/simt/symbols.hpp"

#ifdef SIMT_SANITIZED
#include <dlfcn.h>

#include <cstdio>
#else
#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#endif

namespace simt {

#ifdef SIMT_SANITIZED

namespace {

void name_thread() {
  const Block* const block = current_block();
  if (block != nullptr) std::fprintf(stderr, "simt: in %s\n", block->place().c_str());
}

[[maybe_unused]] const bool installed = [] {
  __sanitizer_set_death_callback(name_thread);
  // g++ links the undefined-behaviour sanitizer as a library with a callback of its own.
  if (void* const library = dlopen("libubsan.so.1", RTLD_LAZY | RTLD_NOLOAD)) {
    using Set = void (*)(void (*)());
    if (const auto set = reinterpret_cast<Set>(dlsym(library, "__sanitizer_set_death_callback"))) set(name_thread);
  }
  return true;
}();

}  // namespace

void catch_faults_of_this_thread() {}

#else

namespace {

struct Access {
  const void* address;
  const void* code;
  bool write;
};
thread_local Access access;

std::string describe_access() {
  return std::string(access.write ? "write to " : "read of ") + DeviceMemory::instance().describe(access.address);
}

void accuse_kernel() {
  Block& block = *current_block();
  const std::string where = locate(access.code);
  if (block.on_stack_guard(access.address)) {
    block.accuse("stack overflow", where, cudaErrorLaunchFailure);
  } else if (block.shared().contains(access.address)) {
    block.accuse(std::string(access.write ? "write" : "read") + " past the end of the dynamic shared memory", where,
                 cudaErrorIllegalAddress);
  } else {
    block.accuse(describe_access(), where, cudaErrorIllegalAddress);
  }
}

[[noreturn]] void fail_kernel() {
  accuse_kernel();
  current_block()->stop();
}

[[noreturn]] void fail_host() {
  std::fprintf(stderr, "simt: %s\n  in the host's code or work on a stream, %s\n", describe_access().c_str(),
               locate(access.code).c_str());
  std::abort();
}

/// Leaves the signal into `function` on a clean stack, where everything may be called.
void on_signal(int, siginfo_t* info, void* raw) {
  auto& registers = static_cast<ucontext_t*>(raw)->uc_mcontext.gregs;
  access = {info->si_addr, reinterpret_cast<const void*>(registers[REG_RIP]), (registers[REG_ERR] & 2) != 0};
  Block* const block = current_block();
  const bool in_kernel = block != nullptr && block->in_thread();
  const auto top = in_kernel ? reinterpret_cast<std::uintptr_t>(block->stack_top())
                             : static_cast<std::uintptr_t>(registers[REG_RSP]) - 256;
  registers[REG_RSP] = static_cast<greg_t>(top / 16 * 16 - 8);
  registers[REG_RIP] = reinterpret_cast<greg_t>(in_kernel ? fail_kernel : fail_host);
}

/// The stack of signals: a kernel that has used up its own cannot take one.
void use_signal_stack() {
  static constexpr std::size_t kBytes = 64 * 1024;
  thread_local const auto memory = std::make_unique<char[]>(kBytes);
  stack_t stack{};
  stack.ss_sp = memory.get();
  stack.ss_size = kBytes;
  sigaltstack(&stack, nullptr);
}

[[maybe_unused]] const bool installed = [] {
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(SIGSEGV, &action, nullptr);
  sigaction(SIGBUS, &action, nullptr);
  return true;
}();

}  // namespace

void catch_faults_of_this_thread() { use_signal_stack(); }

#endif

}  // namespace simt
