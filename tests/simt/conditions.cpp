#include "tests/simt/conditions.hpp"

#include <map>
#include <mutex>

namespace simt {
namespace {

// Kernels look handles up while the host holds the lock of the API: this one is for them.
std::mutex mutex;
cudaGraphConditionalHandle last_handle = 0;

std::map<cudaGraphConditionalHandle, std::weak_ptr<Condition>>& table() {
  static std::map<cudaGraphConditionalHandle, std::weak_ptr<Condition>> all;
  return all;
}

}  // namespace

std::shared_ptr<Condition> make_condition(unsigned first, bool sets_first) {
  const std::lock_guard lock(mutex);
  std::erase_if(table(), [](const auto& each) { return each.second.expired(); });
  auto condition = std::make_shared<Condition>();
  condition->handle = ++last_handle;
  condition->value = condition->first = first;
  condition->sets_first = sets_first;
  table()[condition->handle] = condition;
  return condition;
}

Condition* find_condition(cudaGraphConditionalHandle handle) {
  const std::lock_guard lock(mutex);
  const auto found = table().find(handle);
  return found == table().end() ? nullptr : found->second.lock().get();
}

}  // namespace simt
