// Operations of a warp: every lane that the mask names must come, with the same mask to the same operation.

#include "tests/simt/block.hpp"
#include "tests/simt/describe.hpp"
#include "tests/simt/multiply.hpp"
#include "tests/simt/sanitizers.hpp"

namespace simt {

std::uint64_t Block::warp(const WarpCall& call) {
  Fiber& self = *running_;
  Warp& warp = warps_[self.warp];
  check_mask(warp, call);
  Fiber& lowest = *warp.lanes[__builtin_ctz(call.terms.mask)];
  const void* const meeting = shared_.warp(self.warp, lowest.lane, lowest.calls);
  // Shuffles and votes order nothing else; a barrier of the warp does.
  if (call.terms.op == WarpOp::kSync) sanitizer::release(meeting);
  self.call = call;
  if (warp.waiting == 0) {
    warp.terms = call.terms;
  } else if (warp.terms != call.terms) {
    warp.terms.mask = 0;
  }
  warp.waiting |= 1u << self.lane;
  if ((warp.waiting & call.terms.mask) == call.terms.mask) {
    ++lowest.calls;
    complete(warp, call.terms.mask);
  } else {
    self.state = State::kInWarp;
    leave();
  }
  if (call.terms.op == WarpOp::kSync) sanitizer::acquire(meeting);
  return self.result;
}

void Block::check_mask(const Warp& warp, const WarpCall& call) {
  const unsigned lane = running_->lane, mask = call.terms.mask;
  if (!(mask >> lane & 1)) {
    accuse("mask " + describe_mask(mask) + " does not name the thread's own lane " + std::to_string(lane), call.site);
    stop();
  }
  if (const unsigned absent = mask & ~warp.live; absent != 0) {
    accuse("mask " + describe_mask(mask) + " names lanes that do not exist or have ended: " + describe_mask(absent),
           call.site);
    stop();
  }
  if (call.terms.shuffles() && !(mask >> call.source & 1)) {
    accuse("reads lane " + std::to_string(call.source) + ", which is outside of mask " + describe_mask(mask),
           call.site);
    stop();
  }
  if (warp.terms == call.terms) return;  // the usual case
  for (unsigned left = warp.waiting & mask; left != 0; left &= left - 1) {
    const Fiber& other = *warp.lanes[__builtin_ctz(left)];
    const WarpTerms& others = other.call.terms;
    if (others == call.terms) continue;
    accuse("mask " + describe_mask(mask) + " names thread " + describe(other.index) + ", which waits with mask " +
               describe_mask(others.mask) +
               (others.op != call.terms.op         ? " in another operation"
                : others.width != call.terms.width ? " and width " + std::to_string(others.width)
                                                   : "") +
               " at " + describe(other.call.site),
           call.site);
    stop();
  }
}

void Block::complete(Warp& warp, unsigned mask) {
  if (const WarpOp op = running_->call.terms.op; op == WarpOp::kMultiplyTf32 || op == WarpOp::kMultiplyBf16) {
    Fragments* of_lanes[32];
    for (unsigned lane = 0; lane < 32; ++lane) of_lanes[lane] = warp.lanes[lane]->call.fragments;
    multiply(op == WarpOp::kMultiplyTf32 ? Factors::kTf32 : Factors::kBf16, of_lanes);
  }
  const bool shuffles = running_->call.terms.shuffles();
  std::uint64_t ballot = 0;
  for (unsigned left = shuffles ? 0 : mask; left != 0; left &= left - 1) {
    if (warp.lanes[__builtin_ctz(left)]->call.bits != 0) ballot |= left & -left;
  }
  for (unsigned left = mask; left != 0; left &= left - 1) {
    Fiber& each = *warp.lanes[__builtin_ctz(left)];
    each.result = shuffles ? warp.lanes[each.call.source]->call.bits : ballot;
    if (&each != running_) make_ready(each);
  }
  warp.waiting &= ~mask;
  if ((warp.live & ~mask) == 0) accesses_.flush(running_->warp);
}

}  // namespace simt
