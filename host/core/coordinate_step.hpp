#pragma once

#include <limits>

namespace orthant::core {

/// What the entries x with fits v of a column say about one of its components f, h being the fixed factor's there. Sums
/// over the entries, each times its weight; for the divergences of
///   beta = 1: of h x / v (toward), h (away) and h^2 x / v^2;   beta = 2: of h (x - v) (toward) and h^2.
template <class T>
struct Pull {
  T toward = 0, away = 0, curvature = 0;
};

// Where f goes; the caller cuts off at 0. Read by the CUDA compiler too.

/// Newton's method on the reciprocals of both sides of toward = away, those of the penalties included. A component
/// that nothing pushes is dead and stays. Where v is next to nothing the curvature may overflow: at most it is toward *
/// h / floor, no h being larger than their sum, and the step from that bound, short of Newton's, leaves for where it
/// does not.
template <class T>
constexpr T kullback_leibler_step(T f, const Pull<T>& p, T floor, T l1, T l2) {
  const T away = p.away + l1 + l2 * f;
  if (!(away > 0)) return f;
  if (p.toward <= 0 || p.curvature <= 0) return 0;  // NaN stays
  if (p.curvature > std::numeric_limits<T>::max()) return f + (p.toward - away) / away * floor / p.away;
  return f + (p.toward - away) / (p.curvature * (away / p.toward) + l2);
}

/// The minimum itself, as in HALS.
template <class T>
constexpr T squared_step(T f, const Pull<T>& p, T l1, T l2) {
  const T curvature = p.curvature + l2;
  return curvature > 0 ? f + (p.toward - l1 - l2 * f) / curvature : f;
}

}  // namespace orthant::core
