#pragma once

namespace orthant::cli {

/// What the command returns to its caller. Stopped by a signal (after writing what was reached): 128 + its number.
enum ExitCode {
  kSuccess = 0,   ///< also when the iteration limit was reached before convergence
  kBadInput = 1,  ///< a file cannot be read or written, or what it holds is not acceptable
  kBadUsage = 2,  ///< options
  kNoDevice = 3,  ///< the device that was asked for is not available
  kOutOfMemory = 4,
  kNumericalError = 5,  ///< the iteration left the finite numbers
  kDeviceError = 6      ///< a call to the device failed
};

/// For the help of every subcommand.
inline constexpr const char* kExitCodeHelp =
    R"(Exit codes:
  0    done (also when --max-iterations was reached)
  1    a file cannot be read or written, or its contents are not acceptable
  2    wrong usage
  3    the device asked for is not available
  4    out of memory
  5    the iteration left the finite numbers
  6    a call to the device failed
  130  stopped by Ctrl-C (SIGINT), 143 by SIGTERM: what was reached is written)";

}  // namespace orthant::cli
