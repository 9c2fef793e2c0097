#include "tests/simt/counts.hpp"

#include <map>
#include <mutex>

#include "tests/simt/rig.hpp"

namespace simt {
namespace {

struct Counts {
  std::mutex mutex;
  std::map<std::string, std::int64_t> by_name;
  std::int64_t made = 0, until_failure = -1, handles = 0;
};

Counts& counts() {
  static auto* const all = new Counts;
  return *all;
}

}  // namespace

bool enter(const char* name) {
  Counts& all = counts();
  const std::lock_guard lock(all.mutex);
  ++all.by_name[name];
  ++all.made;
  if (all.until_failure > 0) return --all.until_failure == 0;
  return false;
}

void count_work(const std::string& name) {
  Counts& all = counts();
  const std::lock_guard lock(all.mutex);
  ++all.by_name[name];
}

std::map<std::string, std::int64_t> calls() {
  Counts& all = counts();
  const std::lock_guard lock(all.mutex);
  return all.by_name;
}

void reset_calls() {
  Counts& all = counts();
  const std::lock_guard lock(all.mutex);
  all.by_name.clear();
  all.made = 0;
}

std::int64_t calls_made() {
  Counts& all = counts();
  const std::lock_guard lock(all.mutex);
  return all.made;
}

void fail_at(std::int64_t n) {
  Counts& all = counts();
  const std::lock_guard lock(all.mutex);
  all.until_failure = n;
}

void add_handle(int change) {
  Counts& all = counts();
  const std::lock_guard lock(all.mutex);
  all.handles += change;
}

std::int64_t handle_count() {
  Counts& all = counts();
  const std::lock_guard lock(all.mutex);
  return all.handles;
}

}  // namespace simt
