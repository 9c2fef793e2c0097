#include "host/cli/progress_display.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace orthant::cli {
namespace {

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[160];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

std::string duration(double seconds) {
  if (seconds < 10) return format("%.1f s", seconds);
  if (seconds < 120) return format("%.0f s", seconds);
  const auto minutes = static_cast<long long>(seconds / 60);
  if (minutes < 120) return format("%lld min", minutes);
  return format("%lld h %lld min", minutes / 60, minutes % 60);
}

// "  60/200  relative error 0.82129  0.3 s left at most": convergence may come sooner. Losses without a relative error
// show themselves.
std::string status(const Progress& p) {
  const std::string total = std::to_string(p.max_iterations);
  const bool has_error = !std::isnan(p.relative_error);
  std::string text = format("%*d/%s  %s %.6g", static_cast<int>(total.size()), p.iteration, total.c_str(),
                            has_error ? "relative error" : "loss", has_error ? p.relative_error : p.loss);
  if (!std::isnan(p.held_out_loss)) text += format("  held-out loss %.6g", p.held_out_loss);
  if (p.iteration > 0 && p.iteration < p.max_iterations)
    text += "  " + duration(p.seconds / p.iteration * (p.max_iterations - p.iteration)) + " left at most";
  return text;
}

std::string bar(const Progress& p, int width) {
  const double done = p.max_iterations > 0 ? static_cast<double>(p.iteration) / p.max_iterations : 1;
  const auto filled = static_cast<std::size_t>(std::lround(done * width));
  return "[" + std::string(filled, '#') + std::string(static_cast<std::size_t>(width) - filled, '.') + "]";
}

int terminal_width() {
  winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

bool on_terminal() {
  const char* terminal = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

}  // namespace

ProgressDisplay::ProgressDisplay(bool quiet)
    : style_(quiet           ? Style::none
             : on_terminal() ? Style::bar
                             : Style::lines) {}

ProgressDisplay::~ProgressDisplay() { remove_bar(); }

void ProgressDisplay::phase(const std::string& what) {
  if (style_ == Style::bar) draw(what);
}

void ProgressDisplay::show(const Progress& progress) {
  if (style_ == Style::bar) {
    constexpr int longest_bar = 40, shortest_bar = 10;
    const std::string text = status(progress);
    const int room = terminal_width() - static_cast<int>(text.size()) - 4;
    draw((room < shortest_bar ? "" : bar(progress, std::min(room, longest_bar)) + " ") + text);
  } else if (style_ == Style::lines) {
    last_ = progress;
    pending_ = true;
    if (!printed_ || Clock::now() - *printed_ >= std::chrono::seconds(1)) print_line();
  }
}

void ProgressDisplay::note(const std::string& what) {
  remove_bar();
  if (style_ != Style::none) std::fprintf(stderr, "orthant: note: %s\n", what.c_str());
}

void ProgressDisplay::finish() {
  print_line();
  remove_bar();
}

void ProgressDisplay::print_line() {
  if (!pending_) return;
  std::fprintf(stderr, "iteration %s\n", status(last_).c_str());
  pending_ = false;
  printed_ = Clock::now();
}

void ProgressDisplay::remove_bar() {
  if (drawn_) std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

// One column is left free: many terminals wrap when the last one is written.
void ProgressDisplay::draw(const std::string& line) {
  const auto width = static_cast<std::size_t>(std::max(terminal_width() - 1, 1));
  std::fprintf(stderr, "\r%s\033[K", line.substr(0, width).c_str());
  std::fflush(stderr);
  drawn_ = true;
}

}  // namespace orthant::cli
