#include "orthant/factorize.hpp"

#include <omp.h>

#include <chrono>
#include <cmath>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "host/cli/errors.hpp"
#include "host/cli/exit_code.hpp"
#include "host/cli/factor_files.hpp"
#include "host/cli/factorize_arguments.hpp"
#include "host/cli/input.hpp"
#include "host/cli/interrupt.hpp"
#include "host/cli/json_file.hpp"
#include "host/cli/names.hpp"
#include "host/cli/option_types.hpp"
#include "host/cli/output.hpp"
#include "host/cli/progress_display.hpp"
#include "host/cli/report.hpp"
#include "host/cli/subcommand.hpp"
#include "host/cli/wording.hpp"
#include "host/io/matrix_file.hpp"
#include "orthant/error.hpp"

namespace orthant::cli {
namespace {

// The library names what it refuses by its own names; here they become files and options.
[[noreturn]] void explain(const InvalidArgument& e, const FactorizeArguments& arguments) {
  const std::string& name = e.name();
  const std::string rest = " is " + e.value() + ", expected " + in_options(e.expected());
  if (name == "rank") throw UsageError("--rank" + rest);
  if (name.starts_with("options.initialization")) throw UsageError("--init" + rest);
  if (name == "options.loss.beta") {
    const std::string loss = name_of(arguments.options.loss), prefix = "beta=";
    const std::string given = loss.starts_with(prefix) ? prefix + e.value() : loss;  // all digits of the number
    throw UsageError("--loss is " + given + ", expected " + in_options(e.expected()));
  }
  if (name.starts_with("options.")) throw UsageError(in_options(e.what()));
  if (name == "MatrixOptions::missing") throw UsageError("--missing" + rest);
  if (name == "MatrixOptions::storage") throw UsageError("--storage" + rest);
  if (name == "CudaConfig::math") throw UsageError("--math" + rest);
  if (name.starts_with("weights(")) throw FileError(arguments.weights + ": " + e.what());
  if (name == "the mean of X") throw FileError(arguments.x + ": " + in_options(e.what()));
  if (name.starts_with("X("))
    throw FileError(arguments.x + ": " + in_options(e.what()) + " (rows and columns count from 0)");
  if (name.starts_with("X.")) throw FileError(arguments.x + ": " + e.what());
  if (name.starts_with("W(")) throw FileError((arguments.w0 + arguments.transform) + ": " + e.what());
  if (name.starts_with("H(")) throw FileError(arguments.h0 + ": " + e.what());
  throw;
}

// What `make` makes; what the library refuses in it, in the words of the command.
template <class Make>
auto explained(const FactorizeArguments& arguments, const Make& make) {
  try {
    return make();
  } catch (const InvalidArgument& e) {
    explain(e, arguments);
  }
}

template <class T>
Result compute(const Matrix<T>& x, const std::optional<Matrix<T>>& held_out, Factors<T>& f,
               const FactorizeArguments& arguments, ProgressDisplay& display) {
  Options options = arguments.options;
  options.on_check = [&display](const Progress& progress) {
    display.show(progress);
    return Interrupt::signal() == 0;
  };
  const DenseView<T> w = f.w.view(), h = f.h.view();
  Result result = !arguments.transform.empty() ? transform<T>(x, w, h, options)
                  : held_out                   ? factorize<T>(x, *held_out, w, h, options)
                                               : factorize<T>(x, w, h, options);
  display.finish();
  return result;
}

template <class T>
double root_mean_square(const Matrix<T>& x, Factors<T>& f) {
  return x.weight() > 0 ? std::sqrt(2 * loss<T>(x, f.w.view(), f.h.view()) / x.weight()) : 0;
}

template <class T>
Strongest strongest_rows(const FactorData<T>& w, const std::vector<std::string>& names, int top) {
  return strongest(static_cast<int>(w.columns), names, top, [&w](int c, std::int64_t i) { return w(i, c); });
}

template <class T>
Strongest strongest_columns(const FactorData<T>& h, const std::vector<std::string>& names, int top) {
  return strongest(static_cast<int>(h.rows), names, top, [&h](int c, std::int64_t j) { return h(c, j); });
}

void print(const FactorizeArguments& arguments, const Fit& fit, const std::string& json) {
  if (arguments.json)
    std::cout << json;
  else if (!arguments.quiet)
    print_summary(std::cout, arguments, fit);
}

// What of X nobody has said to be names; empty: nothing.
std::string taken_as_names(const io::SkippedNames& skipped, io::HeaderLine header) {
  const bool line = skipped.of_columns && header != io::HeaderLine::yes;
  if (!line && !skipped.of_rows) return {};
  std::string text = line ? "the first line" + std::string(skipped.counted ? ", 0, 1, 2 and so on," : "") +
                                " is taken as names of columns"
                          : "";
  if (skipped.of_rows) text += std::string(line ? ", " : "") + "the first column is taken as names of rows";
  return line ? text + "; a row: --header no" : text;
}

template <class T>
int run(FactorizeArguments arguments) {
  if (!arguments.output.empty()) prepare_output(arguments.output);
  // Reading is in parallel too.
  if (arguments.threads > 0) omp_set_num_threads(arguments.threads);
  Fallback fallback;
  const Context context = explained(
      arguments, [&] { return make_context(arguments.device, arguments.threads, &fallback, arguments.math); });
  if (fallback.device_fails && !arguments.quiet)
    std::cerr << "orthant: warning: " << fallback.reason << "; the CPU is used instead" << std::endl;
  ProgressDisplay display(arguments.quiet);
  display.phase("reading " + arguments.x);
  Input<T> input(arguments.x, arguments.header, arguments.missing == Missing::nan);
  if (const std::string taken = taken_as_names(input.skipped(), arguments.header); !taken.empty())
    display.note(arguments.x + ": " + taken);
  if (!arguments.weights.empty()) input.read_weights(arguments.weights, arguments.header);
  std::vector<std::string> row_names, column_names;
  if (!arguments.row_names.empty()) row_names = read_names(arguments.row_names, input.rows(), "rows");
  if (!arguments.column_names.empty()) column_names = read_names(arguments.column_names, input.columns(), "columns");
  // Before W and H are allocated, the library refuses the ranks that it would refuse later.
  if (arguments.rank > 0 && arguments.transform.empty())
    explained(arguments,
              [&] { return plan<T>(context, input.shape(arguments.missing), arguments.rank, arguments.options); });
  Factors<T> factors = read_factors<T>(arguments, input.rows(), input.columns());

  display.phase("computing the start");
  const Interrupt interrupt;  // from here on there is something to save
  Fit fit = explained(arguments, [&] {
    if (arguments.tfidf) input.apply_tfidf();
    std::optional<Matrix<T>> held_out;
    std::int64_t held_out_entries = 0;
    if (arguments.holdout > 0) {
      held_out_entries = input.hold_out(arguments.holdout, arguments.options.seed, arguments.missing);
      held_out = input.held_out_on(context, {.storage = arguments.storage, .missing = arguments.missing});
    }
    if (arguments.math != MathMode::strict && input.sparse())
      throw UsageError("--math is for dense X, and does nothing with " + arguments.x + ", which is sparse");
    const auto begun = std::chrono::steady_clock::now();
    const Matrix<T> x = input.on(context, {.storage = arguments.storage, .missing = arguments.missing});
    const std::chrono::duration<double> made = std::chrono::steady_clock::now() - begun;
    const Result result = compute(x, held_out, factors, arguments, display);
    return Fit{.rows = x.rows(),
               .columns = x.columns(),
               .nonzeros = x.nonzeros(),
               .empty_rows = x.empty_rows(),
               .empty_columns = x.empty_columns(),
               .sparse = x.sparse(),
               .skipped = input.skipped(),
               .observed = x.weight(),
               .rmse = root_mean_square(x, factors),
               .held_out = held_out_entries,
               .held_out_rmse = held_out ? root_mean_square(*held_out, factors) : 0,
               .matrix_seconds = made.count(),
               .context = context,
               .fallback = in_options(fallback.reason),
               .result = result,
               .top_rows = {},
               .top_columns = {}};
  });
  if (!row_names.empty()) fit.top_rows = strongest_rows(factors.w, row_names, arguments.top);
  if (!column_names.empty()) fit.top_columns = strongest_columns(factors.h, column_names, arguments.top);

  const std::string json = written(report(arguments, fit));
  if (!arguments.output.empty()) {
    OutputFiles files(arguments.output);
    const auto add = [&files](const char* name, const FactorData<T>& f) {
      files.add(name, io::npy_bytes<T>(row_major(f.values.data(), f.rows, f.columns)));
    };
    add("W.npy", factors.w);
    add("H.npy", factors.h);
    files.add("result.json", json);
    files.put_in_place();
  }
  print(arguments, fit, json);
  return fit.result.stop_reason == StopReason::stopped_by_caller ? 128 + Interrupt::signal() : kSuccess;
}

}  // namespace

Subcommand add_factorize(CLI::App& command) {
  CLI::App* app = command.add_subcommand("factorize");
  const auto arguments = std::make_shared<FactorizeArguments>();
  add_factorize_options(*app, *arguments);
  return {app, [app, arguments] {
            settle(*app, *arguments);
            return arguments->precision == Precision::float_ ? run<float>(*arguments) : run<double>(*arguments);
          }};
}

}  // namespace orthant::cli
