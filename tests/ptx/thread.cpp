#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "tests/ptx/machine.hpp"

namespace ptx {
namespace {

/// A thread that runs for so long without waiting never ends.
constexpr std::int64_t kMostSteps = 2'000'000'000;

std::string demangled(const std::string& name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status),
                                                         &std::free);
  return status == 0 ? text.get() : name;
}

std::uint32_t axis(const uint3& value, int i) { return i == 0 ? value.x : i == 1 ? value.y : value.z; }
uint3 extents(const dim3& value) { return {value.x, value.y, value.z}; }

std::string text(const uint3& value) {
  return "(" + std::to_string(value.x) + ", " + std::to_string(value.y) + ", " + std::to_string(value.z) + ")";
}

const char* name(Space space) {
  constexpr std::array<const char*, 5> kNames = {"generic", "global", "constant", "shared", "local"};
  return kNames[static_cast<std::size_t>(space)];
}

}  // namespace

Thread::Thread(Memory& memory, const Launch& launch, uint3 index, std::uint32_t rank, std::uint64_t* stack)
    : memory_(memory), launch_(launch), index_(index), rank_(rank), stack_(stack) {}

void Thread::start(uint3 block) {
  block_ = block;
  state_ = State::ready;
  callers_.clear();
  enter(launch_.kernel, stack_);
  for (std::size_t i = 0; i < launch_.arguments.size(); ++i) {
    std::copy(launch_.arguments[i].begin(), launch_.arguments[i].end(), variable(launch_.kernel.parameters[i]));
  }
}

void Thread::enter(const Function& function, std::uint64_t* slots) {
  function_ = &function;
  slots_ = slots;
  next_ = function.code.data();
  std::copy(function.image.begin(), function.image.end(), slots);
  for (const auto& [slot, offset] : function.frame_addresses)
    slots[slot] = reinterpret_cast<std::uint64_t>(slots) + offset;
  for (const auto& [slot, special, i] : function.specials) {
    switch (special) {
      case Special::tid:
        slots[slot] = axis(index_, i);
        break;
      case Special::ntid:
        slots[slot] = axis(extents(launch_.block), i);
        break;
      case Special::ctaid:
        slots[slot] = axis(block_, i);
        break;
      case Special::nctaid:
        slots[slot] = axis(extents(launch_.grid), i);
        break;
      case Special::laneid:
        slots[slot] = rank_ % 32;
        break;
      case Special::warpid:
        slots[slot] = rank_ / 32;
        break;
    }
  }
}

void Thread::run() {
  for (std::int64_t steps = 0; state_ == State::ready; ++steps) {
    const Instruction& i = *next_++;
    if ((slots_[i.guard] != 0) == i.guard_value) i.run(*this, i);
    if (steps == kMostSteps) fail("runs on and on");
  }
}

void Thread::fail(const std::string& what) const {
  const Place& here = place();
  std::ostringstream out;
  out << "kernel " << demangled(launch_.kernel.name) << ", block " << text(block_) << ", thread " << text(index_)
      << ", ";
  const auto source = launch_.module.sources.find(here.source);
  if (source != launch_.module.sources.end()) out << source->second << ':' << here.source_line << ", ";
  out << launch_.module.name << ':' << here.line << ", " << here.text << ": " << what;
  throw Error(out.str());
}

std::byte* Thread::local(std::uint64_t address, std::size_t bytes) {
  const auto in_frame = [=](const Function& function, const std::uint64_t* slots) {
    return covers(function.variables, address - reinterpret_cast<std::uint64_t>(slots), bytes);
  };
  const bool live = in_frame(*function_, slots_) ||
                    std::any_of(callers_.begin(), callers_.end(),
                                [&](const Frame& frame) { return in_frame(*frame.function, frame.slots); });
  return live ? reinterpret_cast<std::byte*>(address) : nullptr;
}

std::byte* Thread::at(Space space, std::uint64_t address, std::size_t bytes) {
  std::uint64_t position = address;
  Space found = space;
  if (space == Space::generic) {
    const bool shared = memory_.is_shared(reinterpret_cast<void*>(address));
    const bool own = address - reinterpret_cast<std::uint64_t>(stack_) < launch_.kernel.stack_bytes;
    found = shared ? Space::shared : own ? Space::local : Space::global;
    if (shared) position = address - memory_.shared_base();
  }
  std::byte* const memory = found == Space::shared     ? memory_.shared(position, bytes)
                            : found == Space::local    ? local(position, bytes)
                            : found == Space::constant ? memory_.constant(position, bytes)
                                                       : memory_.global(position, bytes);
  if (memory != nullptr && position % bytes == 0) return memory;
  std::ostringstream out;
  out << std::to_string(bytes) << " bytes at " << name(found) << " address 0x" << std::hex << position
      << (memory == nullptr ? ": outside every live allocation" : ": not aligned");
  fail(out.str());
}

void Thread::jump_by_index(const Instruction& i) {
  const auto& table = function_->branch_tables[i.offset];
  const auto index = get<std::uint32_t>(i.at[0]);
  if (index >= table.size()) fail("index " + std::to_string(index) + " of " + std::to_string(table.size()));
  jump(table[index]);
}

void Thread::call(const Instruction& i) {
  const Call& call = function_->calls[i.offset];
  if (!call.callee->defined) return call_external(call);
  const Frame caller = {function_, slots_, next_, &call};
  callers_.push_back(caller);
  enter(*call.callee, slots_ + function_->frame_bytes / 8);
  for (std::size_t k = 0; k < call.arguments.size(); ++k) {
    const Range& parameter = function_->parameters[k];
    std::memcpy(variable(parameter), reinterpret_cast<void*>(caller.slots[call.arguments[k]]), parameter.bytes);
  }
}

void Thread::call_external(const Call& call) {
  std::vector<std::vector<std::byte>> arguments;
  for (std::size_t k = 0; k < call.arguments.size(); ++k) {
    const auto* const first = reinterpret_cast<const std::byte*>(slots_[call.arguments[k]]);
    arguments.emplace_back(first, first + call.callee->parameters[k].bytes);
  }
  launch_.external(call.callee->name, arguments);
}

void Thread::wait_for_copies(std::uint64_t newest) {
  for (; !copies_.empty() && copies_.front().group + newest < groups_; copies_.pop_front()) {
    const Copy& copy = copies_.front();
    if (copy.from != nullptr) {
      std::memcpy(copy.to, copy.from, copy.bytes);
    } else {
      std::memset(copy.to, 0, copy.bytes);
    }
  }
}

void Thread::end() {
  if (!copies_.empty()) fail("ends with " + std::to_string(copies_.size()) + " copies that it has not waited for");
  state_ = State::ended;
}

void Thread::leave() {
  if (callers_.empty()) return end();
  const Frame caller = callers_.back();
  callers_.pop_back();
  for (std::size_t k = 0; k < caller.call->results.size(); ++k) {
    const Range& result = function_->results[k];
    std::memcpy(reinterpret_cast<void*>(caller.slots[caller.call->results[k]]), variable(result), result.bytes);
  }
  function_ = caller.function;
  slots_ = caller.slots;
  next_ = caller.next;
}

}  // namespace ptx
