#include "bench/cost.hpp"

#include "host/core/squared_objective.hpp"
#include "host/core/update_rule.hpp"

namespace orthant::bench {
namespace {

/// A number and how it is got.
struct Counted {
  std::string formula;
  double value;
};

// What the formulas are in.
struct Sizes {
  double m, n, k, e, s;
  int p, q;
  bool sparse, by_products;
  explicit Sizes(const Iteration& i)
      : m(static_cast<double>(i.shape.rows)),
        n(static_cast<double>(i.shape.columns)),
        k(static_cast<double>(i.rank)),
        e(i.shape.nonzeros < 0 ? m * n : static_cast<double>(i.shape.nonzeros)),
        s(i.element_size),
        p(core::sweeps_of(core::Side::w, options_of(i), i.shape, static_cast<int>(i.rank))),
        q(core::sweeps_of(core::Side::h, options_of(i), i.shape, static_cast<int>(i.rank))),
        sparse(i.shape.nonzeros >= 0),
        by_products(core::visits_by_products(options_of(i), i.shape)) {}

  static Options options_of(const Iteration& i) {
    return {.loss = i.loss, .solver = i.solver, .sweeps = i.sweeps, .acceleration = i.acceleration};
  }

  /// X, `visits` times: a stored entry of sparse X has a 32-bit index.
  Counted x(int visits) const {
    const std::string times = visits == 1 ? "" : std::to_string(visits) + " ";
    return sparse ? Counted{times + "e (s + 4)", visits * e * (s + 4)} : Counted{times + "e s", visits * e * s};
  }
  /// Both factors, or what is shaped like them, so many times.
  Counted factors(int times) const {
    return {(times == 1 ? "" : std::to_string(times) + " ") + "(m + n) k s", times * (m + n) * k * s};
  }
};

Counted operator+(const Counted& a, const Counted& b) { return {a.formula + " + " + b.formula, a.value + b.value}; }

Phase phase(const std::string& name, const Counted& flops, const Counted& bytes) {
  return {name, flops.formula, bytes.formula, flops.value, bytes.value};
}

// Least squares: products of X, Gram matrices, update. On the CPU a panel of X updates its rows of W and is multiplied
// with them while it is in cache, as the factors are for all three; on a device each kernel reads what it needs.
void add_squared(const Iteration& it, const Sizes& z, Cost& cost) {
  const int visits = z.sparse || it.on_device || z.by_products ? 2 : 1;
  const double k2 = z.k * z.k, columns = z.m + z.n, updated = z.m * z.p + z.n * z.q;
  cost.phases.push_back(phase("products of X with H and with W", {"4 e k", 4 * z.e * z.k},
                              it.on_device ? z.x(visits) + z.factors(2) : z.x(visits)));
  cost.phases.push_back(phase("Gram matrices of both factors", {"2 k^2 (m + n)", 2 * k2 * columns},
                              it.on_device ? z.factors(1) : Counted{"0", 0}));
  const int updates = it.on_device ? 3 : 2;
  switch (it.solver) {
    case Solver::hals:
      cost.phases.push_back(phase("HALS sweeps", {"2 k^2 (m p + n q)", 2 * k2 * updated}, z.factors(updates)));
      break;
    case Solver::multiplicative_update:  // on a device each is a kernel of its own
      cost.phases.push_back(
          phase("multiplicative updates", {"2 k^2 (m p + n q)", 2 * k2 * updated},
                it.on_device ? Counted{"3 (m p + n q) k s", 3 * updated * z.k * z.s} : z.factors(updates)));
      break;
    case Solver::anls:
      cost.phases.push_back(phase("exact least squares (gradients alone: passive sets depend on the data)",
                                  {"2 k^2 (m + n)", 2 * k2 * columns}, z.factors(updates)));
      break;
  }
}

// The loss, from the product of X with W, H and both Gram matrices; new points from the factors and the ones before;
// the Gram matrix of the new H. On the CPU what was updated is still in cache.
void add_extrapolation(const Iteration& it, const Sizes& z, Cost& cost) {
  const Counted bytes{"4 (m + n) k s + 3 n k s", (4 * (z.m + z.n) + 3 * z.n) * z.k * z.s};
  cost.phases.push_back(
      phase("loss and extrapolation",
            {"2 n k + 2 k^2 (n + 1) + 3 (m + n) k", 2 * z.n * z.k + 2 * z.k * z.k * (z.n + 1) + 3 * (z.m + z.n) * z.k},
            it.on_device ? bytes : z.factors(2)));
}

// For each half of an iteration WH is made at the entries, and multiplied into one term, or into two where the
// denominator has no closed form.
void add_multiplicative(const Iteration& it, const Sizes& z, Cost& cost) {
  const bool closed = it.loss == Loss::kullback_leibler();
  const int visits = z.sparse || it.on_device ? 2 : 1, terms = closed ? 1 : 2;
  const Counted flops =
      closed ? Counted{"8 e k + 2 e", 8 * z.e * z.k + 2 * z.e} : Counted{"12 e k + 2 e", 12 * z.e * z.k + 2 * z.e};
  cost.phases.push_back(
      phase("WH and terms, for W and for H", flops, it.on_device ? z.x(visits) + z.factors(2 + terms) : z.x(visits)));
  cost.phases.push_back(
      phase("multiplicative updates", {"2 k (m + n)", 2 * z.k * (z.m + z.n)}, z.factors(it.on_device ? 2 + terms : 2)));
}

// Each column of a factor is a problem of its own: WH at its entries, then for every component both derivatives and
// what its step does to WH.
void add_coordinate_descent(const Iteration& it, const Sizes& z, Cost& cost) {
  cost.phases.push_back(phase("WH, and steps of coordinates",
                              {"4 e k + 8 e k (p + q)", 4 * z.e * z.k * (1 + 2 * (z.p + z.q))},
                              z.x(2) + z.factors(it.on_device ? 3 : 2)));
}

}  // namespace

double Cost::flops() const {
  double sum = 0;
  for (const Phase& p : phases) sum += p.flops;
  return sum;
}

double Cost::bytes() const {
  double sum = 0;
  for (const Phase& p : phases) sum += p.bytes;
  return sum;
}

Cost cost_of(const Iteration& iteration) {
  const Sizes z(iteration);
  Cost cost;
  cost.w_sweeps = z.p;
  cost.h_sweeps = z.q;
  if (z.sparse) cost.gathers = z.e;
  if (iteration.loss == Loss::frobenius()) {
    add_squared(iteration, z, cost);
    if (core::is_extrapolated(Sizes::options_of(iteration), iteration.shape)) add_extrapolation(iteration, z, cost);
  } else if (iteration.solver == Solver::hals) {
    add_coordinate_descent(iteration, z, cost);
  } else {
    add_multiplicative(iteration, z, cost);
  }
  return cost;
}

}  // namespace orthant::bench
