#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "orthant/options.hpp"

namespace orthant::cli {

/// Shows on standard error how a fit goes on: a bar on a terminal, which disappears at the end; in a pipe plain lines,
/// at most one a second beside the first and the last.
class ProgressDisplay {
 public:
  explicit ProgressDisplay(bool quiet);
  ~ProgressDisplay();
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  /// What is being done before the first iteration; shown on a terminal only.
  void phase(const std::string& what);
  void show(const Progress& progress);
  /// A line that stays.
  void note(const std::string& what);
  /// Removes the bar, or prints the last line unless it has been printed.
  void finish();

 private:
  enum class Style { none, bar, lines };
  using Clock = std::chrono::steady_clock;

  void draw(const std::string& line);
  void print_line();
  void remove_bar();

  Style style_;
  bool drawn_ = false;
  bool pending_ = false;  ///< `last_` has not been printed
  Progress last_;
  std::optional<Clock::time_point> printed_;  ///< when the last line was
};

}  // namespace orthant::cli
