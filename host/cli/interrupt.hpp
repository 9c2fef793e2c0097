#pragma once

#include <csignal>

namespace orthant::cli {

/// While it lives, SIGINT (Ctrl-C) and SIGTERM are noted instead of ending the process; the second one of a kind ends
/// it. One that was ignored before stays so. At most one may live at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// The signal that came; 0: none.
  static int signal() noexcept;

 private:
  struct sigaction old_interrupt_, old_terminate_;
};

}  // namespace orthant::cli
