#include "tests/ptx/symbols.hpp"

#include <algorithm>
#include <limits>

#include "tests/ptx/machine.hpp"

namespace ptx {
namespace {

constexpr std::uint64_t kPoison = 0xFFFFDEADFFFFDEAD;  // of a register that nothing was written to

std::size_t aligned(std::size_t value, std::size_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

const std::map<std::string_view, Special> kSpecials = {{"%tid", Special::tid},       {"%ntid", Special::ntid},
                                                       {"%ctaid", Special::ctaid},   {"%nctaid", Special::nctaid},
                                                       {"%laneid", Special::laneid}, {"%warpid", Special::warpid}};

}  // namespace

const Symbol* Scopes::find(std::string_view name) const {
  const std::string key(name);
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    if (const auto found = scope->find(key); found != scope->end()) return &found->second;
  }
  return nullptr;
}

FrameLayout::FrameLayout(Function& function) : function_(function) {
  add_slot(1);  // kTrueSlot
  add_slot(0);  // kSinkSlot
}

Slot FrameLayout::add_slot(std::uint64_t value) {
  function_.image.push_back(value);
  if (function_.image.size() > std::numeric_limits<Slot>::max()) throw Error(function_.name + ": too many registers");
  return static_cast<Slot>(function_.image.size() - 1);
}

Slot FrameLayout::new_register() { return add_slot(kPoison); }

Slot FrameLayout::constant(std::uint64_t value) {
  const auto [found, is_new] = constants_.try_emplace(value);
  if (is_new) found->second = add_slot(value);
  return found->second;
}

Slot FrameLayout::frame_address(std::size_t offset) {
  const auto [found, is_new] = addresses_.try_emplace(offset);
  if (is_new) {
    found->second = add_slot(0);
    function_.frame_addresses.push_back({found->second, offset});
  }
  return found->second;
}

Slot FrameLayout::special(std::string_view name) {
  const auto known = specials_.find(name);
  if (known != specials_.end()) return known->second;
  const std::string_view base = name.substr(0, name.find('.'));
  const std::size_t axis = name == base ? 0 : std::string_view("xyz").find(name.substr(base.size() + 1));
  const Special special = kSpecials.at(base);
  if (axis > 2) throw std::out_of_range("axis");
  const Slot slot = add_slot(0);
  function_.specials.push_back({slot, special, static_cast<int>(axis)});
  specials_.emplace(name, slot);
  return slot;
}

Range FrameLayout::variable(std::size_t bytes, std::size_t alignment) {
  if (alignment > 16) throw std::out_of_range("alignment of more than 16");
  const Range range = {aligned(variable_bytes_, std::max<std::size_t>(alignment, 8)), bytes};
  variable_bytes_ = range.begin + bytes + kGap;
  function_.variables.push_back(range);
  return range;
}

Slot FrameLayout::slot(const Symbol& symbol, std::int64_t offset) {
  switch (symbol.kind) {
    case Symbol::Kind::slot:
      return static_cast<Slot>(symbol.value);
    case Symbol::Kind::frame:
      return frame_address(symbol.value + offset);
    case Symbol::Kind::dynamic_shared:
      function_.has_dynamic_shared = true;
      return constant(kDynamicShared + offset);
    case Symbol::Kind::shared: {
      const bool known = covers(function_.shared, symbol.value, symbol.bytes);
      if (!known) function_.shared.push_back({symbol.value, symbol.bytes});
      return constant(symbol.value + offset);
    }
    case Symbol::Kind::address:
      return constant(symbol.value + offset);
  }
  return kSinkSlot;
}

void FrameLayout::finish() {
  const std::size_t slots = aligned(function_.image.size() * 8, 16);
  const auto move = [slots](std::vector<Range>& ranges) {
    for (Range& range : ranges) range.begin += slots;
  };
  move(function_.results);
  move(function_.parameters);
  move(function_.variables);
  for (auto& address : function_.frame_addresses) address.offset += slots;
  function_.frame_bytes = aligned(slots + variable_bytes_, 16);
}

}  // namespace ptx
