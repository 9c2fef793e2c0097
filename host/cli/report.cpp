#include "host/cli/report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ostream>

#include "host/cli/option_types.hpp"
#include "host/cli/versions.hpp"

namespace orthant::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string rounded(double value, const char* pattern = "%.6g") {
  char text[40];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

// "2.1 ms"
std::string duration(double seconds) {
  if (seconds < 1e-3) return rounded(seconds * 1e6, "%.3g") + " us";
  if (seconds < 1) return rounded(seconds * 1e3, "%.3g") + " ms";
  return rounded(seconds, "%.4g") + " s";
}

std::string sentence(StopReason reason) {
  switch (reason) {
    case StopReason::converged:
      return "converged";
    case StopReason::max_iterations:
      return "reached the iteration limit";
    case StopReason::stopped_by_caller:
      break;
  }
  return "stopped by a signal";
}

// A name with '?' in place of what a terminal might obey.
std::string printable(std::string name) {
  std::ranges::replace_if(
      name, [](unsigned char c) { return c < ' ' || c == 0x7F; }, '?');
  return name;
}

void print_components(std::ostream& out, const Strongest& components) {
  for (std::size_t c = 0; c < components.size(); ++c) {
    out << "  " << c << ":";
    const char* separator = " ";
    for (const Named& named : components[c]) {
      out << separator << printable(named.name);
      separator = ", ";
    }
    out << "\n";
  }
}

}  // namespace

nlohmann::ordered_json report(const FactorizeArguments& arguments, const Fit& fit) {
  const Result& r = fit.result;
  Json losses = Json::array(), iterations = Json::array(), seconds = Json::array();
  for (const Progress& p : r.history) {
    losses.push_back(p.loss);
    iterations.push_back(p.iteration);
    seconds.push_back(p.seconds);
  }
  Json json = {{"loss", r.loss},
               {"objective", r.objective},
               {"relative_error", std::isnan(r.relative_error) ? Json() : Json(r.relative_error)},
               {"rmse", fit.rmse},
               {"observed", fit.observed},
               {"iterations", r.iterations},
               {"stop_reason", name_of(kStopReasons, r.stop_reason)},
               {"kkt_residual", r.kkt_residual},
               {"rows", fit.rows},
               {"columns", fit.columns},
               {"rank", arguments.rank},
               {"nonzeros", fit.nonzeros},
               {"storage", fit.sparse ? "sparse" : "dense"},
               {"skipped_line", fit.skipped.of_columns},
               {"skipped_column", fit.skipped.of_rows},
               {"empty_rows", fit.empty_rows},
               {"empty_columns", fit.empty_columns},
               {"dead_components", r.dead_components},
               {"loss_function", name_of(arguments.options.loss)},
               {"solver", name_of(kSolvers, arguments.options.solver)},
               {"precision", name_of(kPrecisions, arguments.precision)},
               {"backend", fit.context.backend()},
               {"device", readable_device(fit.context)},
               {"fallback", fit.fallback.empty() ? Json() : Json(fit.fallback)},
               {"threads", fit.context.threads()},
               {"matrix_seconds", fit.matrix_seconds},
               {"seconds", r.seconds},
               {"initialization_seconds", r.initialization_seconds},
               {"seconds_per_iteration", r.seconds_per_iteration},
               {"loss_history", losses},
               {"iteration_history", iterations},
               {"seconds_history", seconds}};
  if (fit.held_out > 0) {
    Json held_out_losses = Json::array();
    for (const Progress& p : r.history) held_out_losses.push_back(p.held_out_loss);
    json["held_out"] = {{"entries", fit.held_out},
                        {"loss", r.held_out_loss},
                        {"rmse", fit.held_out_rmse},
                        {"loss_history", held_out_losses}};
  }
  if (fit.top_rows) json["top_rows"] = *fit.top_rows;
  if (fit.top_columns) json["top_columns"] = *fit.top_columns;
  json["options"] = options_as_json(arguments);
  json["versions"] = versions();
  return json;
}

void print_summary(std::ostream& out, const FactorizeArguments& arguments, const Fit& fit) {
  const Result& r = fit.result;
  out << "X  " << fit.rows << " x " << fit.columns << ", ";
  if (fit.sparse)
    out << "sparse with " << fit.nonzeros << " entries";
  else
    out << "dense";
  if (arguments.tfidf) out << ", tf-idf";
  if (fit.empty_rows > 0) out << ", " << fit.empty_rows << " empty rows";
  if (fit.empty_columns > 0) out << ", " << fit.empty_columns << " empty columns";
  out << "\nrank " << arguments.rank << ", " << name_of(kSolvers, arguments.options.solver)
      << (arguments.options.loss == Loss::frobenius() ? "" : " for " + name_of(arguments.options.loss)) << " in "
      << name_of(kPrecisions, arguments.precision) << " on " << fit.context.backend() << ": "
      << readable_device(fit.context) << ", " << fit.context.threads() << " threads\n"
      << sentence(r.stop_reason) << " after " << r.iterations << " iterations, " << duration(r.seconds) << " ("
      << duration(r.seconds_per_iteration) << " an iteration)\n"
      << (std::isnan(r.relative_error) ? "" : "relative error " + rounded(r.relative_error) + ", ") << "loss "
      << rounded(r.loss) << ", KKT residual " << rounded(r.kkt_residual, "%.2e") << "\n";
  if (arguments.missing != Missing::none || !arguments.weights.empty() || fit.held_out > 0)
    out << "RMSE " << rounded(fit.rmse) << " over entries of weight " << rounded(fit.observed, "%.9g") << "\n";
  if (fit.held_out > 0)
    out << "RMSE " << rounded(fit.held_out_rmse) << " over " << fit.held_out << " entries that were held out\n";
  if (r.dead_components > 0)
    out << r.dead_components << (r.dead_components == 1 ? " dead component, which adds" : " dead components, which add")
        << " nothing to WH\n";
  if (fit.top_rows) {
    out << "strongest rows of each component\n";
    print_components(out, *fit.top_rows);
  }
  if (fit.top_columns) {
    out << "strongest columns of each component\n";
    print_components(out, *fit.top_columns);
  }
  if (!arguments.output.empty()) out << "wrote W.npy, H.npy and result.json to " << arguments.output << "\n";
}

}  // namespace orthant::cli
