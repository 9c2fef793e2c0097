#include "host/core/range.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "host/core/divergence_objective.hpp"
#include "host/core/objective.hpp"
#include "host/core/validate.hpp"

namespace orthant::core {

template <class T>
void check_range(const Options& options, const DataMatrix<T>& x) {
  if (!(x.statistics().weight > 0)) {
    throw InvalidArgument("X", "without an entry that counts",
                          "one at least that is not missing and whose weight is not 0");
  }
  constexpr bool kSingle = sizeof(T) == sizeof(float);
  const std::string type = kSingle ? "float" : "double", remedy = kSingle ? "scale X, or use double" : "scale X";
  // For frobenius sums of X * H are of size mean^(3/2), in double their squares; for others the floor of the fits and
  // its reciprocal must be normal. The loss, always in double, is of size mean^beta.
  const double of_type = !kSingle ? 90 : options.loss == Loss::frobenius() ? 20 : 25;
  const double digits = std::min(of_type, 280 / std::abs(options.loss.beta));
  const double most = std::pow(10, digits), mean = x.statistics().mean();
  if (mean > 0 && !(mean >= 1 / most && mean <= most)) {
    throw InvalidArgument(
        "the mean of X", text(mean),
        text(1 / most) + " to " + text(most) + ": products of such numbers leave the range of " + type + "; " + remedy);
  }
  const double most_penalty = kSingle ? 1e30 : 1e300, scale = make_divergence(options.loss, x).term_scale();
  Options of_one = options;
  of_one.w_penalty = of_one.h_penalty = {1, 1};
  const Penalties scales = scale_penalties(of_one, x.shape());
  const auto check = [&](const std::string& name, double weight, double scale_of_side) {
    const double most_weight = most_penalty / (scale_of_side * scale);
    if (weight > most_weight) {
      throw InvalidArgument("options." + name, text(weight), "at most " + text(most_weight) + " for this X in " + type);
    }
  };
  check("w_penalty.l1", options.w_penalty.l1, scales.w.l1);
  check("w_penalty.l2", options.w_penalty.l2, scales.w.l2);
  check("h_penalty.l1", options.h_penalty.l1, scales.h.l1);
  check("h_penalty.l2", options.h_penalty.l2, scales.h.l2);
}

template void check_range(const Options&, const DataMatrix<float>&);
template void check_range(const Options&, const DataMatrix<double>&);

}  // namespace orthant::core
