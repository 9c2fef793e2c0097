#include "host/cli/interrupt.hpp"

namespace orthant::cli {
namespace {

volatile std::sig_atomic_t received = 0;

void note(int signal) { received = signal; }

// A signal that was ignored stays so, as nohup and shells want it for what runs behind.
void watch(int signal, struct sigaction& old) {
  struct sigaction action = {};
  action.sa_handler = note;
  action.sa_flags = SA_RESETHAND | SA_RESTART;
  sigaction(signal, &action, &old);
  if (old.sa_handler == SIG_IGN) sigaction(signal, &old, nullptr);
}

}  // namespace

Interrupt::Interrupt() {
  received = 0;
  watch(SIGINT, old_interrupt_);
  watch(SIGTERM, old_terminate_);
}

Interrupt::~Interrupt() {
  sigaction(SIGINT, &old_interrupt_, nullptr);
  sigaction(SIGTERM, &old_terminate_, nullptr);
}

int Interrupt::signal() noexcept { return received; }

}  // namespace orthant::cli
