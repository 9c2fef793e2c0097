#pragma once

#include <cmath>
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

/// To where toward and away, with the penalties, meet if 1 / toward is a straight line, which it is where one component
/// makes all of the fit: then this is the minimum, and otherwise short of it from below, 1 / toward being concave. With
/// s = toward / curvature, the step d by which toward would fall by half,
///   toward / (1 + d / s) = away + l2 d,
/// whose solution is Newton's step on the reciprocals, s (toward - away) / away, times what l2 leaves of it: written in
/// p = q / (1 + q) of q = l2 s / away, so that nothing leaves the range of T. A component that nothing pushes is dead
/// and stays. Where v is next to nothing the curvature may overflow: at most it is toward * h / floor, no h being
/// larger than their sum, and the step from that bound, which is shorter, leaves for where it does not.
template <class T>
constexpr T kullback_leibler_step(T f, const Pull<T>& p, T floor, T l1, T l2) {
  const T away = p.away + l1 + l2 * f;
  if (!(away > 0)) return f;
  if (p.toward <= 0 || p.curvature <= 0) return 0;  // NaN stays
  const T s = p.curvature > std::numeric_limits<T>::max() ? floor / p.away : p.toward / p.curvature;
  const T step = s * ((p.toward - away) / away);
  if (!(l2 > 0)) return f + step;
  const T q = l2 * (s / away), left = 1 / (1 + q), taken = 1 / (1 + 1 / q), apart = left - taken;
  return f + 2 * step * left / (1 + std::sqrt(apart * apart + 4 * taken * left * (p.toward / away)));
}

/// The minimum itself, as in HALS.
template <class T>
constexpr T squared_step(T f, const Pull<T>& p, T l1, T l2) {
  const T curvature = p.curvature + l2;
  return curvature > 0 ? f + (p.toward - l1 - l2 * f) / curvature : f;
}

}  // namespace orthant::core
