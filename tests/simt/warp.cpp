// Operations of a warp: every lane that the mask names must come, with the same mask and the same operation.

#include "tests/simt/block.hpp"
#include "tests/simt/describe.hpp"
#include "tests/simt/multiply.hpp"
#include "tests/simt/sanitizers.hpp"

namespace simt {

std::uint64_t Block::warp(const WarpCall& call) {
  Fiber& self = *running_;
  Warp& warp = warps_[self.warp];
  check_mask(warp, call);
  Fiber& lowest = *warp.lanes[__builtin_ctz(call.mask)];
  const void* const meeting = shared_.warp(self.warp, lowest.lane, lowest.calls);
  // Shuffles and votes order nothing else; a barrier of the warp does.
  if (call.op == WarpOp::kSync) sanitizer::release(meeting);
  self.call = call;
  if (warp.waiting == 0) {
    warp.mask = call.mask;
    warp.op = call.op;
  } else if (warp.mask != call.mask || warp.op != call.op) {
    warp.mask = 0;
  }
  warp.waiting |= 1u << self.lane;
  if ((warp.waiting & call.mask) == call.mask) {
    ++lowest.calls;
    complete(warp, call.mask);
  } else {
    self.state = State::kInWarp;
    leave();
  }
  if (call.op == WarpOp::kSync) sanitizer::acquire(meeting);
  return self.result;
}

void Block::check_mask(const Warp& warp, const WarpCall& call) {
  const unsigned lane = running_->lane;
  if (!(call.mask >> lane & 1)) {
    accuse("mask " + describe_mask(call.mask) + " does not name the thread's own lane " + std::to_string(lane),
           call.site);
    stop();
  }
  if (const unsigned absent = call.mask & ~warp.live; absent != 0) {
    accuse(
        "mask " + describe_mask(call.mask) + " names lanes that do not exist or have ended: " + describe_mask(absent),
        call.site);
    stop();
  }
  if (call.op == WarpOp::kShuffle && !(call.mask >> call.source & 1)) {
    accuse("reads lane " + std::to_string(call.source) + ", which is outside of mask " + describe_mask(call.mask),
           call.site);
    stop();
  }
  if (warp.mask == call.mask && warp.op == call.op) return;  // the usual case
  for (const Fiber* other : warp.lanes) {
    if (other == nullptr || !(warp.waiting & call.mask & 1u << other->lane)) continue;
    if (other->call.mask == call.mask && other->call.op == call.op) continue;
    accuse("mask " + describe_mask(call.mask) + " names thread " + describe(other->index) + ", which waits with mask " +
               describe_mask(other->call.mask) + (other->call.op == call.op ? "" : " in another operation") + " at " +
               describe(other->call.site),
           call.site);
    stop();
  }
}

void Block::complete(Warp& warp, unsigned mask) {
  if (const WarpOp op = running_->call.op; op == WarpOp::kMultiplyTf32 || op == WarpOp::kMultiplyBf16) {
    Fragments* of_lanes[32];
    for (unsigned lane = 0; lane < 32; ++lane) of_lanes[lane] = warp.lanes[lane]->call.fragments;
    multiply(op == WarpOp::kMultiplyTf32 ? Factors::kTf32 : Factors::kBf16, of_lanes);
  }
  unsigned ballot = 0;
  for (Fiber* each : warp.lanes) {
    if (each != nullptr && (mask >> each->lane & 1) && each->call.bits != 0) ballot |= 1u << each->lane;
  }
  for (Fiber* each : warp.lanes) {
    if (each == nullptr || !(mask >> each->lane & 1)) continue;
    each->result = each->call.op == WarpOp::kShuffle ? warp.lanes[each->call.source]->call.bits : ballot;
    if (each != running_) make_ready(*each);
  }
  warp.waiting &= ~mask;
  if ((warp.live & ~mask) == 0) accesses_.flush(running_->warp);
}

}  // namespace simt
