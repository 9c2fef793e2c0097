#include "host/cli/factorize_arguments.hpp"

#include <algorithm>
#include <string_view>

#include "host/cli/exit_code.hpp"
#include "host/cli/option_types.hpp"

namespace orthant::cli {
namespace {

constexpr const char* kDescription = "Factorize a non-negative matrix X (m x n) into W (m x K) and H (K x n), X ~ WH";

constexpr const char* kFooter = R"(W and H minimise, among the matrices without negative entries,
  loss(X, WH) + w_scale * (l1_w * sum(W) + l2_w / 2 * ||W||_F^2)
              + h_scale * (l1_h * sum(H) + l2_h / 2 * ||H||_F^2)
where both scales are 1 (--scaling none), or w_scale = n and h_scale = m (--scaling sklearn, as
scikit-learn's alpha_W and alpha_H). The loss is the sum over the entries x of X and v of WH of
  frobenius         1/2 (x - v)^2                (beta = 2)
  kullback-leibler  x log(x / v) - x + v         (beta = 1; counts)
  itakura-saito     x / v - log(x / v) - 1       (beta = 0; power spectra)
  beta=B            (x^B + (B - 1) v^B - B x v^(B - 1)) / (B (B - 1))
With beta <= 0, X must have no zeros. Sparse X takes the first two, any if --missing zeros.

Missing entries take no part in anything: --missing nan says that those that are NaN are missing (dense
X), --missing zeros those that are 0 or, of sparse X, not stored, as in a table of ratings. --weights
gives each entry a weight, and the loss is the sum over the entries times their weights; 0: missing.
--holdout 0.1 leaves a tenth of the entries out, at random by --seed, and tells their loss at each check.

X is read by the ending of its name; all but .npz may be gzipped (.mtx.gz):
  .mtx           Matrix Market: coordinate (real, integer or pattern; general or symmetric, with entries
                 in one triangle only) or array
  .npy           NumPy: f2, f4, f8, b1, u1, u2, u4, u8, i1, i2, i4, i8 of either byte order; C or Fortran
                 order
  .npz           SciPy sparse: csr, csc, coo
  .csv, .tsv     numbers between commas or tabs. A first line of column names is skipped: one without a
                 number, or 0, 1, 2 and so on, as pandas heads columns that have no names; --header says
                 otherwise. So is a first column of row names below such a line: where its own name is
                 empty (pandas' to_csv, R's write.csv) or not there (R's write.table), or its fields
                 are no numbers. What is skipped without --header is told. With --missing nan, empty
                 fields and NA are NaN
Messages count rows and columns of X from 0, and lines of files from 1.

--tfidf replaces X, rows being documents and columns terms, as scikit-learn's TfidfTransformer does:
  X(i, j) * (1 + ln((1 + m) / (1 + d_j))), where d_j counts the rows in which column j is not 0; then
  every row is divided by its Euclidean norm (a row of zeros stays). As d_j is counted in this X, a
  factor that was found for another X would not fit: scikit-learn keeps the d_j of fit() in transform().
  Give X as tf-idf already where a factor is kept (--transform, --freeze).

--output DIR receives these files. Each appears whole or not at all, and replaces the one before it once
all have been written.
  W.npy        m x K, C order, in the precision of the run
  H.npy        K x n, C order
  result.json  what --json prints:
    loss                    of W and H
    objective               loss and penalties
    relative_error          ||X - WH||_F / ||X||_F; null for other losses than frobenius
    rmse                    root of the mean squared error, over the entries that count
    observed                how many count: their weights added up
    iterations              done
    stop_reason             converged, max_iterations or stopped_by_caller (a signal)
    kkt_residual            distance from a stationary point, 0 at one
    rows, columns, rank     m, n, K
    nonzeros                stored entries of X (m * n if it is dense)
    storage                 of X: dense or sparse
    skipped_line, skipped_column  whether the first of .csv or .tsv was taken as names
    empty_rows, empty_columns  rows and columns of X that are all zero
    dead_components         components that add nothing to WH
    loss_function           as --loss has it
    solver, precision       as in the options
    backend, device         cpu or cuda; instruction set or GPU
    fallback                why --device auto took the CPU; null: it did not
    threads                 of the CPU backend
    matrix_seconds          making X ready before: checked, and sparse X in both orientations
    seconds                 start and iterations; reading and writing files is not counted
    initialization_seconds  of these, computing the start
    seconds_per_iteration   checks included
    held_out                with --holdout: entries, loss, rmse, loss_history, as above
    loss_history            loss at every check, the first before any iteration
    iteration_history       iterations done at each of these checks
    seconds_history         seconds since the first iteration began, at each of these checks
    top_rows, top_columns   with names: for every component its strongest {name, value}
    options                 every option but --json and --quiet by its name, _ for -; null: not given
    versions                of orthant, the compiler and the libraries

The iterations and the time left are shown on standard error: a bar on a terminal, otherwise at most one
line a second. Ctrl-C stops at the next check, and what was reached is still written; a second one
kills.
)";

constexpr const char* kExamples = R"(
Examples:
  orthant factorize counts.mtx.gz --rank 20 --tfidf --column-names terms.txt --top 8 --output topics
  orthant factorize images.npy --rank 49 --max-iterations 1000 --tolerance 1e-5 --output parts
  orthant factorize spectra.npy --rank 12 --loss itakura-saito --max-iterations 500 --output sources
  orthant factorize new.mtx --h0 parts/H.npy --freeze h --output new     # W of new rows, e.g. documents
  orthant factorize new.npy --transform parts/W.npy --output new     # H of new columns, rows as before)";

void add_model(CLI::App& app, FactorizeArguments& a) {
  auto integer = [&](const char* name, int& value, int least, const std::string& text) {
    return add_integer(app, name, value, least, text + " [" + std::to_string(value) + "]");
  };
  auto number = [&](const char* name, double& value, const std::string& text) {
    return add_nonnegative(app, name, value, text + " [" + brief(value) + "]");
  };
  Options& o = a.options;
  app.option_defaults()->group("Model");
  add_integer(app, "--rank", a.rank, 1, "Components K. Needed, unless given factors tell it")->option_text("K");
  app.add_option_function<std::string>(
         "--loss", [&o](const std::string& text) { o.loss = parse_loss("--loss", text); },
         "How far WH is from X (formulas below) [frobenius]")
      ->option_text(names_of(kLosses) + "|beta=B");
  add_choice(app, "--solver", o.solver, kSolvers,
             "Hierarchical alternating least squares, multiplicative updates\n(slower to converge), or exact "
             "alternating least squares [hals; mu for\nlosses that have no hals]");
  app.add_option_function<std::string>(
         "--sweeps", [&o](const std::string& text) { o.sweeps = parse_sweeps("--sweeps", text); },
         "Updates of a factor per visit of X: HALS sweeps or, for frobenius,\n"
         "multiplicative updates; auto: by what they cost beside the visit [auto]")
      ->option_text("N|auto");
  add_choice(app, "--acceleration", o.acceleration, kAccelerations,
             "extrapolation: iterations start beyond the last factors, and are\n"
             "taken back when the objective rises; for frobenius [auto: where it can be]");
  number("--l1-w", o.w_penalty.l1, "Weight of the sum of W's entries");
  number("--l2-w", o.w_penalty.l2, "Weight of half W's squared norm");
  number("--l1-h", o.h_penalty.l1, "Weight of the sum of H's entries");
  number("--l2-h", o.h_penalty.l2, "Weight of half H's squared norm");
  add_choice(app, "--scaling", o.penalty_scaling, kScalings, "What these weights are multiplied by (below) [none]");
  app.add_flag("--tfidf", a.tfidf, "Factorize the tf-idf of X instead (formula below)");
  add_choice(app, "--header", a.header, kHeaders,
             "Whether the first line of .csv and .tsv holds names of columns [auto:\nby the line (below)]");
  add_choice(app, "--missing", a.missing, kMissing, "Entries of X that are not known (below) [none]");
  add_path(app, "--weights", a.weights,
           "Weights of the entries: a matrix of the shape of X; of sparse X with\nthe same entries");
  app.add_option_function<std::string>(
         "--holdout", [&a](const std::string& text) { a.holdout = parse_fraction("--holdout", text); },
         "Keep this part of the entries out of the fit, and measure their loss")
      ->option_text("FRACTION");

  app.option_defaults()->group("Start");
  add_choice(app, "--init", o.initialization, kInitializations,
             "random (any K), or by the SVD of X (K <= min(m, n)): nndsvd keeps its\n"
             "zeros (not for mu), nndsvda puts sqrt(mean(X) / K) there, nndsvdar\n"
             "small random values [nndsvda; random if entries\nare missing or weighted]");
  app.add_option_function<std::string>(
         "--seed", [&o](const std::string& text) { o.seed = parse_seed("--seed", text); },
         "Of the random numbers in the start [0]")
      ->option_text("N");
  add_path(app, "--w0", a.w0, "W to start from (.npy, m x K); with --h0");
  add_path(app, "--h0", a.h0, "H to start from (.npy, K x n); with --w0");
  add_choice(app, "--freeze", a.freeze, kFreezes, "Keep this factor as its file (--w0 or --h0) has it");
  add_path(app, "--transform", a.transform, "Keep this W (.npy, m x K) and find the H that fits it best");

  app.option_defaults()->group("Stopping");
  integer("--max-iterations", o.max_iterations, 0, "Iterations at most; 0: only the start");
  number("--tolerance", o.tolerance, "Converged when this small; 0: never stop early");
  add_choice(app, "--stopping", o.stopping, kStoppings,
             "What must be small: the decrease of the objective per iteration,\n"
             "relative to it, or the KKT residual [loss]");
  integer("--check-every", o.check_every, 1, "Iterations from one check to the next");
}

void add_run(CLI::App& app, FactorizeArguments& a) {
  app.option_defaults()->group("Where and how to run");
  add_choice(app, "--precision", a.precision, kPrecisions, "Of all numbers [float]");
  app.add_option_function<std::string>(
         "--device", [&a](const std::string& text) { a.device = parse_device(text); },
         "auto: CUDA where it can be used, else the CPU; the output tells [auto]")
      ->option_text("auto|cpu|cuda[:N]");
  add_choice(app, "--math", a.math, kMathModes,
             "Products of dense X in float on a GPU: in float, or their factors\n"
             "rounded to 10 or 7 bits after the point for its tensor cores [strict]");
  add_choice(app, "--storage", a.storage, kStorages,
             "How a GPU keeps dense X: in the precision of the run, as integers to\n"
             "255, or rounded to 11 or 8 bits [plain]");
  // OpenMP's runtimes crash on numbers that no machine has.
  add_integer(app, "--threads", a.threads, 1, "Threads of the CPU [OMP_NUM_THREADS, or all cores]",
              CpuConfig::kMostThreads);
  app.add_flag("--deterministic", a.options.deterministic,
               "Same bits from run to run and for any number of threads, or an error.\nThe CPU is always so");
}

void add_output(CLI::App& app, FactorizeArguments& a) {
  app.option_defaults()->group("Output");
  add_path(app, "--output", a.output, "Folder for W.npy, H.npy and result.json; made if missing", "DIR");
  add_path(app, "--row-names", a.row_names, "Names of X's rows, one a line, UTF-8: print each component's strongest");
  add_path(app, "--column-names", a.column_names, "Names of X's columns, likewise");
  add_integer(app, "--top", a.top, 1, "Names to print of each component [" + std::to_string(a.top) + "]");
  app.add_flag("--json", a.json, "Print result.json, and nothing else, on standard output");
  app.add_flag("--quiet", a.quiet, "Print nothing but errors, and what --json asks for");
}

// CLI11 2.1's `excludes` says nothing of why; these messages do.
void refuse_with_transform(const CLI::App& app) {
  for (const char* option : {"--holdout", "--init", "--w0", "--h0", "--freeze", "--l1-w", "--l2-w"})
    if (app.count(option) > 0)
      throw UsageError(std::string(option) + " does nothing with --transform, which keeps W and starts H by itself");
}

// Options that have no part in what is asked for.
void refuse_idle(const CLI::App& app, const FactorizeArguments& a) {
  const auto refuse = [&app](const std::string& option, const std::string& why) {
    if (app.count(option) > 0) throw UsageError(option + " does nothing " + why);
  };
  const auto text = [](std::string_view path) {
    if (path.ends_with(".gz")) path.remove_suffix(3);
    return path.ends_with(".csv") || path.ends_with(".tsv");
  };
  if (const std::string f = name_of(kFreezes, a.freeze); !f.empty()) {
    const Penalty& kept = a.freeze == Freeze::w ? a.options.w_penalty : a.options.h_penalty;
    const std::string why = "with --freeze " + f + ", which keeps that factor";
    if (kept.l1 > 0) refuse("--l1-" + f, why);
    if (kept.l2 > 0) refuse("--l2-" + f, why);
  }
  if (!text(a.x) && !text(a.weights)) refuse("--header", "with " + a.x + ": it is for .csv and .tsv");
  if (!a.w0.empty() && !a.h0.empty() && a.holdout == 0) refuse("--seed", "with --w0 and --h0, which give the start");
  const auto weighs = [&app](const char* option) { return app.count(option) > 0; };
  constexpr const char* kWeights[] = {"--l1-w", "--l2-w", "--l1-h", "--l2-h"};
  if (a.options.penalty_scaling != PenaltyScaling::none && std::ranges::none_of(kWeights, weighs))
    refuse("--scaling", "without the weights that it scales, --l1-w, --l2-w, --l1-h and --l2-h");
}

// Whether an option leaves entries out or weighs them.
bool incomplete(const FactorizeArguments& a) {
  return a.missing != Missing::none || !a.weights.empty() || a.holdout > 0;
}

void settle_start(const CLI::App& app, FactorizeArguments& a) {
  const bool w = !a.w0.empty(), h = !a.h0.empty();
  if (a.freeze == Freeze::w && !w) throw UsageError("--freeze w needs the W to keep: --w0 FILE");
  if (a.freeze == Freeze::h && !h) throw UsageError("--freeze h needs the H to keep: --h0 FILE");
  a.options.update_w = a.freeze != Freeze::w;
  a.options.update_h = a.freeze != Freeze::h;
  const bool chosen = app.count("--init") > 0;
  if (w && h) {
    if (chosen) throw UsageError("--init contradicts --w0 and --h0, which give the start");
    a.options.initialization = Initialization::given;
  } else if (a.freeze != Freeze::none) {
    // The other half of an SVD start would not belong to the frozen factor.
    if (!chosen) a.options.initialization = Initialization::random;
  } else if (w || h) {
    throw UsageError(std::string(w ? "--w0 is given without --h0" : "--h0 is given without --w0") +
                     ": give both, or keep the one as it is with --freeze " + (w ? "w" : "h"));
  } else if (!chosen && incomplete(a)) {
    a.options.initialization = Initialization::random;
  }
}

// The library refuses these too, in its own names for them.
void check_solver(const FactorizeArguments& a) {
  const Options& o = a.options;
  const bool frobenius = o.loss == Loss::frobenius();
  const std::string needs_all = " needs all entries of X, without --missing, --weights and --holdout";
  if (o.solver == Solver::anls && !frobenius)
    throw UsageError("--solver anls is for --loss frobenius, not " + name_of(o.loss));
  if (o.solver == Solver::hals && !frobenius && o.loss != Loss::kullback_leibler())
    throw UsageError("--solver hals is for --loss frobenius and kullback-leibler, not " + name_of(o.loss));
  if (o.solver == Solver::anls && incomplete(a)) throw UsageError("--solver anls" + needs_all);
  if (o.sweeps > 1 && o.solver == Solver::anls)
    throw UsageError("--sweeps is for --solver hals and mu, not anls, whose updates are exact");
  if (o.sweeps > 1 && o.solver == Solver::multiplicative_update && !frobenius)
    throw UsageError("--sweeps with --solver mu is for --loss frobenius, not " + name_of(o.loss));
  if (o.sweeps > 1 && o.solver == Solver::multiplicative_update && incomplete(a))
    throw UsageError("--sweeps with --solver mu" + needs_all);
  if (o.acceleration == Acceleration::extrapolation && !frobenius)
    throw UsageError("--acceleration extrapolation is for --loss frobenius, not " + name_of(o.loss));
  if (o.acceleration == Acceleration::extrapolation && incomplete(a))
    throw UsageError("--acceleration extrapolation" + needs_all);
  if (a.transform.empty() && o.initialization != Initialization::given && o.initialization != Initialization::random &&
      incomplete(a))
    throw UsageError("--init " + name_of(kInitializations, o.initialization) + needs_all);
}

// What makes all products strict in every mode (orthant/cuda.hpp); empty: nothing that is known before X is read.
std::string why_strict(const FactorizeArguments& a) {
  const bool frobenius = a.options.loss == Loss::frobenius(), hals = a.options.solver == Solver::hals;
  if (a.precision == Precision::double_) return "--precision double";
  if (!frobenius && hals) return "--solver hals of --loss " + name_of(a.options.loss) + ", which is coordinate descent";
  if (incomplete(a) && hals) return "--solver hals of X with entries that do not count, which is coordinate descent";
  if (frobenius && !incomplete(a) && a.storage != Storage::element_type)
    return "--storage " + name_of(kStorages, a.storage) + " and --loss frobenius";
  return {};
}

}  // namespace

void add_factorize_options(CLI::App& app, FactorizeArguments& arguments) {
  app.description(kDescription);
  app.footer(std::string(kFooter) + "\n" + kExitCodeHelp + "\n" + kExamples);
  add_path(app, "X", arguments.x, "The matrix (formats below)")->required();
  add_model(app, arguments);
  add_run(app, arguments);
  add_output(app, arguments);
}

void settle(const CLI::App& app, FactorizeArguments& a) {
  if (!a.transform.empty())
    refuse_with_transform(app);
  else
    settle_start(app, a);
  if (a.rank == 0 && a.w0.empty() && a.h0.empty() && a.transform.empty())
    throw UsageError("--rank is missing: the number of components");
  if (app.count("--solver") == 0 && a.options.loss != Loss::frobenius() && a.options.loss != Loss::kullback_leibler())
    a.options.solver = Solver::multiplicative_update;
  if (a.tfidf && (!a.transform.empty() || a.freeze != Freeze::none))
    throw UsageError(
        std::string("--tfidf with ") + (a.transform.empty() ? "--freeze" : "--transform") +
        " would count documents in this X, not in that of the factor that is kept: give X as tf-idf already");
  // Where entries are held out, what they are would show in the others by the counts and the norms.
  if (a.tfidf && incomplete(a))
    throw UsageError("--tfidf needs all entries of X, without --missing, --weights and --holdout");
  check_solver(a);
  refuse_idle(app, a);
  if (a.device.kind != Device::Kind::cuda && (a.math != MathMode::strict || a.storage != Storage::element_type))
    throw UsageError(a.math != MathMode::strict
                         ? "--math " + name_of(kMathModes, a.math) + " is for --device cuda"
                         : "--storage " + name_of(kStorages, a.storage) + " is for --device cuda");
  if (const std::string why = why_strict(a); a.math != MathMode::strict && !why.empty())
    throw UsageError("--math " + name_of(kMathModes, a.math) + " does nothing with " + why);
  if (app.count("--top") > 0 && a.row_names.empty() && a.column_names.empty())
    throw UsageError("--top needs the names to print: --row-names FILE or --column-names FILE");
}

nlohmann::ordered_json options_as_json(const FactorizeArguments& a) {
  const auto path = [](const std::string& p) {
    return p.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(p);
  };
  const auto choice = [](const std::string& name) {
    return name.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(name);
  };
  const Options& o = a.options;
  nlohmann::ordered_json init;
  if (a.transform.empty())
    init = o.initialization == Initialization::given ? "given" : name_of(kInitializations, o.initialization);
  return {
      {"x", a.x},
      {"rank", a.rank},
      {"loss", name_of(o.loss)},
      {"solver", name_of(kSolvers, o.solver)},
      {"sweeps", o.sweeps == 0 ? nlohmann::ordered_json("auto") : nlohmann::ordered_json(o.sweeps)},
      {"acceleration", name_of(kAccelerations, o.acceleration)},
      {"l1_w", o.w_penalty.l1},
      {"l2_w", o.w_penalty.l2},
      {"l1_h", o.h_penalty.l1},
      {"l2_h", o.h_penalty.l2},
      {"scaling", name_of(kScalings, o.penalty_scaling)},
      {"tfidf", a.tfidf},
      {"header", name_of(kHeaders, a.header)},
      {"missing", name_of(kMissing, a.missing)},
      {"weights", path(a.weights)},
      {"holdout", a.holdout > 0 ? nlohmann::ordered_json(a.holdout) : nlohmann::ordered_json()},
      {"init", init},
      {"seed", o.seed},
      {"w0", path(a.w0)},
      {"h0", path(a.h0)},
      {"freeze", choice(name_of(kFreezes, a.freeze))},
      {"transform", path(a.transform)},
      {"max_iterations", o.max_iterations},
      {"tolerance", o.tolerance},
      {"stopping", name_of(kStoppings, o.stopping)},
      {"check_every", o.check_every},
      {"precision", name_of(kPrecisions, a.precision)},
      {"device", a.device.text()},
      {"math", name_of(kMathModes, a.math)},
      {"storage", name_of(kStorages, a.storage)},
      {"threads", a.threads == 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(a.threads)},
      {"deterministic", o.deterministic},
      {"output", path(a.output)},
      {"row_names", path(a.row_names)},
      {"column_names", path(a.column_names)},
      {"top", a.top},
  };
}

}  // namespace orthant::cli
