#include <algorithm>
#include <map>
#include <string>

#include "tests/ptx/decode.hpp"

namespace ptx {
namespace {

template <class Body>
void for_lanes(std::uint32_t mask, Body body) {
  for (std::uint32_t lane = 0; lane < 32; ++lane) {
    if ((mask >> lane & 1) != 0) body(lane);
  }
}

enum class Shuffle { up, down, xor_lane, index };

// The lane that `lane` reads from, and whether it lies in the lane's own segment: PTX ISA, shfl.sync.
template <Shuffle kKind>
std::pair<std::uint32_t, bool> source_lane(std::uint32_t lane, std::uint32_t b, std::uint32_t c) {
  const std::uint32_t segment = c >> 8 & 31, clamp = c & 31, by = b & 31;
  const std::uint32_t most = (lane & segment) | (clamp & ~segment), least = lane & segment;
  std::uint32_t from = 0;
  switch (kKind) {
    case Shuffle::up:
      from = lane - by;
      break;
    case Shuffle::down:
      from = lane + by;
      break;
    case Shuffle::xor_lane:
      from = lane ^ by;
      break;
    case Shuffle::index:
      from = least | (by & ~segment);
      break;
  }
  const bool inside = kKind == Shuffle::up ? static_cast<int>(from) >= static_cast<int>(most) : from <= most;
  return {inside ? from : lane, inside};
}

template <Shuffle kKind>
void shuffle(Warp& warp, std::uint32_t mask, const Instruction& i) {
  std::array<std::uint32_t, 32> values{};
  for_lanes(mask, [&](std::uint32_t lane) { values[lane] = warp.lane(lane).get<std::uint32_t>(i.at[2]); });
  for_lanes(mask, [&](std::uint32_t lane) {
    Thread& t = warp.lane(lane);
    const auto [from, inside] = source_lane<kKind>(lane, t.get<std::uint32_t>(i.at[3]), t.get<std::uint32_t>(i.at[4]));
    if ((mask >> from & 1) == 0) t.fail("reads from lane " + std::to_string(from) + ", which takes no part");
    t.set(i.at[0], values[from]);
    t.set<bool>(i.at[1], inside);
  });
}

enum class Vote { any, all, uniform, ballot };

template <Vote kKind>
void vote(Warp& warp, std::uint32_t mask, const Instruction& i) {
  std::uint32_t votes = 0;
  for_lanes(mask, [&](std::uint32_t lane) { votes |= std::uint32_t{warp.lane(lane).predicate(i, 1)} << lane; });
  for_lanes(mask, [&](std::uint32_t lane) {
    Thread& t = warp.lane(lane);
    switch (kKind) {
      case Vote::any:
        t.set<bool>(i.at[0], votes != 0);
        break;
      case Vote::all:
        t.set<bool>(i.at[0], votes == mask);
        break;
      case Vote::uniform:
        t.set<bool>(i.at[0], votes == mask || votes == 0);
        break;
      case Vote::ballot:
        t.set(i.at[0], votes);
        break;
    }
  });
}

void nothing(Warp&, std::uint32_t, const Instruction&) {}

void wait_for_warp(Thread& t, const Instruction&) { t.wait(State::at_warp); }
void wait_for_block(Thread& t, const Instruction& i) {
  if (t.get<std::uint32_t>(i.at[0]) != 0) t.fail("only barrier 0 is known");
  t.wait(State::at_barrier);
}

bool meets(Instruction& i, Together together, std::size_t mask_operand) {
  i.run = wait_for_warp;
  i.together = together;
  i.offset = mask_operand;
  return together != nullptr;
}

bool decode_shfl(Mnemonic& name, const Shape& shape, Instruction& i) {
  if (!name.take("sync") || name.take_type() != Type::b32) return false;
  if (shape == Shape(5, 1)) {  // without the predicate "inside"
    std::copy_backward(i.at.begin() + 1, i.at.begin() + 5, i.at.begin() + 6);
    i.at[1] = kSinkSlot;
  } else if (shape != Shape{2, 1, 1, 1, 1}) {
    return false;
  }
  return meets(i,
               name.take("up")     ? shuffle<Shuffle::up>
               : name.take("down") ? shuffle<Shuffle::down>
               : name.take("bfly") ? shuffle<Shuffle::xor_lane>
               : name.take("idx")  ? shuffle<Shuffle::index>
                                   : nullptr,
               5);
}

bool decode_vote(Mnemonic& name, const Shape& shape, Instruction& i) {
  const Type type = name.take_type();
  if (!name.take("sync") || shape != Shape(3, 1)) return false;
  if (type == Type::b32) return name.take("ballot") && meets(i, vote<Vote::ballot>, 2);
  return type == Type::pred && meets(i,
                                     name.take("any")   ? vote<Vote::any>
                                     : name.take("all") ? vote<Vote::all>
                                     : name.take("uni") ? vote<Vote::uniform>
                                                        : nullptr,
                                     2);
}

bool decode_barrier(Mnemonic& name, const Shape& shape, Instruction& i) {
  if (shape != Shape{1}) return false;
  if (name.opcode() == "bar" && name.take("warp")) return name.take("sync") && meets(i, nothing, 0);
  name.take("cta");
  name.take("aligned");
  i.run = wait_for_block;
  return name.take("sync");
}

struct Jump {
  Shape shape;
  Handler run;
};
const std::map<std::string_view, Jump> kJumps = {
    {"bra", {{}, [](Thread& t, const Instruction& i) { t.jump(i.offset); }}},
    {"brx", {{1}, [](Thread& t, const Instruction& i) { t.jump_by_index(i); }}},
    {"call", {{}, [](Thread& t, const Instruction& i) { t.call(i); }}},
    {"ret", {{}, [](Thread& t, const Instruction&) { t.leave(); }}},
    {"exit", {{}, [](Thread& t, const Instruction&) { t.end(); }}},
    {"trap", {{}, [](Thread& t, const Instruction&) { t.fail("executed"); }}}};

}  // namespace

bool decode_control(Mnemonic& name, const Shape& shape, Instruction& i) {
  const std::string_view opcode = name.opcode();
  if (const auto jump = kJumps.find(opcode); jump != kJumps.end()) {
    i.run = jump->second.run;
    name.take_any({"uni", "idx"});
    return shape == jump->second.shape;
  }
  if (opcode == "shfl") return decode_shfl(name, shape, i);
  if (opcode == "vote") return decode_vote(name, shape, i);
  if (opcode == "bar" || opcode == "barrier") return decode_barrier(name, shape, i);
  if (opcode != "membar" && opcode != "fence") return false;
  name.take_any({"cta", "gl", "gpu", "sys", "sc", "acq_rel"});
  i.run = [](Thread&, const Instruction&) {};  // every access is in order
  return shape.empty();
}

}  // namespace ptx
