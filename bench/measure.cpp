#include "bench/measure.hpp"

#include <algorithm>
#include <memory>

#include "bench/device.hpp"
#include "host/core/backend.hpp"
#include "host/core/runtime.hpp"

namespace orthant::bench {
namespace {

template <class T>
class Fit {
 public:
  Fit(const Matrix<T>& x, std::int64_t rank)
      : x_(x),
        rank_(rank),
        w_(static_cast<std::size_t>(x.rows() * rank)),
        h_(static_cast<std::size_t>(rank * x.columns())) {}

  Result run(Options options, int iterations, int check_every) {
    options.initialization = Initialization::random;
    options.tolerance = 0;
    options.max_iterations = iterations;
    options.check_every = check_every;
    return factorize(x_, row_major(w_.data(), x_.rows(), rank_), column_major(h_.data(), rank_, x_.columns()), options);
  }

  /// Seconds from each check to the next.
  std::vector<double> stretches(Options options, int iterations, int check_every) {
    const core::Backend<T>& backend = x_.context().runtime()->backend(T());
    std::vector<std::unique_ptr<core::Marker>> checks;
    options.on_check = [&](const Progress&) {
      checks.push_back(backend.mark());
      return true;
    };
    run(options, iterations, check_every);
    std::vector<double> seconds;
    for (std::size_t i = 1; i < checks.size(); ++i) seconds.push_back(checks[i]->seconds_since(*checks[i - 1]));
    return seconds;
  }

 private:
  const Matrix<T>& x_;
  std::int64_t rank_;
  std::vector<T> w_, h_;
};

}  // namespace

double Timing::least() const { return *std::min_element(seconds.begin(), seconds.end()); }

double Timing::median() const {
  std::vector<double> sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  const std::size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

std::vector<double> without_checks(std::vector<double> stretches, double one, int n) {
  for (double& seconds : stretches) seconds = (seconds - one) / n;
  return stretches;
}

template <class T>
Timing time_iterations(const Matrix<T>& x, std::int64_t rank, Options options, const TimingPlan& plan,
                       const std::function<void()>& between) {
  Fit<T> fit(x, rank);
  const std::vector<double> trial = fit.stretches(options, 3, 1);
  double one = std::min(trial[1], trial[2]);  // iteration and its check
  const double affordable = (plan.seconds / plan.repeats / one - 3) / 2;
  const int n = static_cast<int>(std::clamp(affordable, 1.0, 1.0 * plan.iterations));
  std::vector<double> longer;
  for (int repeat = 0; repeat < plan.repeats; ++repeat) {
    between();
    if (x.context().backend() == "cuda") flush_caches(x.context());
    const std::vector<double> stretches = fit.stretches(options, 2 * (n + 1) + 1, n + 1);
    longer.push_back(stretches[1]);
    one = std::min(one, stretches[2]);
  }
  return {n, without_checks(longer, one, n)};
}

template <class T>
Result fit_of(const Matrix<T>& x, std::int64_t rank, const Options& options, int iterations) {
  return Fit<T>(x, rank).run(options, iterations, iterations);
}

template <class T>
std::vector<double> losses(const Matrix<T>& x, std::int64_t rank, Options options, int iterations) {
  std::vector<double> all;
  for (const Progress& p : Fit<T>(x, rank).run(options, iterations, 1).history) all.push_back(p.loss);
  return all;
}

std::optional<int> iterations_to(const std::vector<double>& losses, double target) {
  const auto reached = std::find_if(losses.begin(), losses.end(), [&](double loss) { return loss <= target; });
  if (reached == losses.end()) return {};
  return static_cast<int>(reached - losses.begin());
}

#define ORTHANT_INSTANTIATE(T)                                                                \
  template Timing time_iterations(const Matrix<T>&, std::int64_t, Options, const TimingPlan&, \
                                  const std::function<void()>&);                              \
  template Result fit_of(const Matrix<T>&, std::int64_t, const Options&, int);                \
  template std::vector<double> losses(const Matrix<T>&, std::int64_t, Options, int);
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::bench
