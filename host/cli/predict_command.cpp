#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "host/cli/errors.hpp"
#include "host/cli/exit_code.hpp"
#include "host/cli/input.hpp"
#include "host/cli/json_file.hpp"
#include "host/cli/option_types.hpp"
#include "host/cli/subcommand.hpp"
#include "host/io/matrix_file.hpp"

namespace orthant::cli {
namespace {

constexpr const char* kDescription = "Tell what a factorization says of single entries: (WH)(i, j) for pairs (i, j)";

constexpr const char* kFooter =
    R"(DIR is where `orthant factorize --output DIR` has written W.npy and H.npy. The pairs are the rows of a
matrix (.csv, .tsv or .npy; all may be gzipped) with a row and a column of X in its first two columns,
counted from 0. A first line of names, one for each field, is skipped; one of numbers is a pair. What X has there may follow
in a third column, empty, NA or nan where it is not known; then the errors of the predictions are told
over the pairs where it is: RMSE, the root of their mean square, and MAE, the mean of their absolute
values.

Predictions are in the order of the pairs, one a line, or in FILE: .npy (a matrix of one column, f8) or
otherwise text. Errors are printed on standard output where the predictions are not, else on standard
error. --json prints {pairs, known, rmse, mae} instead of both; known: the pairs of which errors are
told, null: of none.

Example:
  orthant factorize ratings.mtx --missing zeros --rank 10 --l2-w 2 --l2-h 2 --output fit
  orthant predict fit --pairs wanted.csv --output predictions.csv
)";

struct PredictArguments {
  std::string folder, pairs, output;
  bool json = false;
};

struct Errors {
  std::int64_t known = 0;  // pairs
  double squares = 0, sizes = 0;
  double rmse() const { return std::sqrt(squares / static_cast<double>(known)); }
  double mae() const { return sizes / static_cast<double>(known); }
};

// W or H, each entry of which must be what a factorization may have written.
FactorData<double> read_fitted(const PredictArguments& a, const std::string& name) {
  const std::string path = (std::filesystem::path(a.folder) / (name + ".npy")).string();
  FactorData<double> factor = read_factor<double>(path);
  const auto bad = std::find_if(factor.values.begin(), factor.values.end(),
                                [](double value) { return !(value >= 0 && std::isfinite(value)); });
  if (bad == factor.values.end()) return factor;
  const std::int64_t p = bad - factor.values.begin();
  throw FileError(path + ": " + name + "(" + std::to_string(p / factor.columns) + ", " +
                  std::to_string(p % factor.columns) + ") is " + brief(*bad) +
                  ", expected a finite number that is not negative");
}

double at(const io::DenseData<double>& m, std::int64_t i, std::int64_t j) {
  return m.values[static_cast<std::size_t>(m.layout == Layout::row_major ? i * m.columns + j : j * m.rows + i)];
}

io::DenseData<double> read_pairs(const std::string& path) {
  // A first line "0,1" is a pair, not pandas' names of columns; one "user,item" over three fields forgets one of them.
  auto matrix = io::read_matrix<double>(
      path, {.missing_fields = true, .missing_hint = {}, .header = io::HeaderLine::words, .short_header = false});
  auto* dense = std::get_if<io::DenseData<double>>(&matrix);
  if (dense == nullptr || dense->columns < 2 || dense->columns > 3) {
    throw FileError(path + ": expected a dense matrix of 2 or 3 columns: row, column and, if known, the value");
  }
  return std::move(*dense);
}

[[noreturn]] void refuse(const PredictArguments& a, const io::DenseData<double>& pairs, std::int64_t p,
                         const std::string& what) {
  const std::optional<std::int64_t> line = pairs.line_of(p);
  throw FileError(a.pairs + (line ? ":" + std::to_string(*line) : "") + ": pair " + std::to_string(p) + " has " + what);
}

// The number at (p, c) as an index below `count`.
std::int64_t index_at(const PredictArguments& a, const io::DenseData<double>& pairs, std::int64_t p, std::int64_t c,
                      std::int64_t count) {
  const double number = at(pairs, p, c);
  if (number >= 0 && number < static_cast<double>(count) && number == std::floor(number)) {
    return static_cast<std::int64_t>(number);
  }
  refuse(a, pairs, p,
         std::string(c == 0 ? "row " : "column ") + brief(number) + ", expected an integer from 0 to " +
             std::to_string(count - 1));
}

// What X has at pair p; NaN where that is not known.
double value_at(const PredictArguments& a, const io::DenseData<double>& pairs, std::int64_t p) {
  if (pairs.columns < 3) return std::numeric_limits<double>::quiet_NaN();
  const double value = at(pairs, p, 2);
  if (std::isinf(value))
    refuse(a, pairs, p, "value " + brief(value) + ", expected a finite number, or nan where it is not known");
  return value;
}

std::string as_text(const std::vector<double>& values) {
  std::ostringstream out;
  out.precision(9);
  for (double value : values) out << value << "\n";
  return out.str();
}

void write(const std::string& path, const std::vector<double>& values) {
  const bool npy = path.ends_with(".npy");
  io::write_bytes(path, npy ? io::npy_bytes<double>(
                                  row_major(values.data(), static_cast<std::int64_t>(values.size()), std::int64_t{1}))
                            : as_text(values));
}

int run(const PredictArguments& a) {
  if (a.output.ends_with(".gz"))
    throw UsageError("--output is '" + a.output + "', expected a name without .gz: what is written is not gzipped");
  const FactorData<double> w = read_fitted(a, "W"), h = read_fitted(a, "H");
  if (w.columns != h.rows) {
    throw FileError(a.folder + ": W.npy has " + std::to_string(w.columns) + " columns and H.npy " +
                    std::to_string(h.rows) + " rows, expected as many");
  }
  const io::DenseData<double> pairs = read_pairs(a.pairs);
  std::vector<double> predictions;
  Errors errors;
  for (std::int64_t p = 0; p < pairs.rows; ++p) {
    const std::int64_t i = index_at(a, pairs, p, 0, w.rows), j = index_at(a, pairs, p, 1, h.columns);
    double v = 0;
    for (std::int64_t c = 0; c < w.columns; ++c) v += w(i, c) * h(c, j);
    predictions.push_back(v);
    const double known = value_at(a, pairs, p), error = known - v;
    if (std::isnan(known)) continue;
    ++errors.known;
    errors.squares += error * error;
    errors.sizes += std::abs(error);
  }
  if (!a.output.empty()) write(a.output, predictions);
  if (a.json) {
    nlohmann::ordered_json json{{"pairs", pairs.rows}, {"known", errors.known}, {"rmse", nullptr}, {"mae", nullptr}};
    if (errors.known > 0) json["rmse"] = errors.rmse(), json["mae"] = errors.mae();
    std::cout << written(json);
    return kSuccess;
  }
  if (a.output.empty()) std::cout << as_text(predictions);
  if (errors.known > 0) {
    (a.output.empty() ? std::cerr : std::cout)
        << errors.known << " pairs, RMSE " << brief(errors.rmse()) << ", MAE " << brief(errors.mae()) << "\n";
  }
  return kSuccess;
}

}  // namespace

Subcommand add_predict(CLI::App& command) {
  CLI::App* app = command.add_subcommand("predict");
  const auto arguments = std::make_shared<PredictArguments>();
  app->description(kDescription);
  app->footer(std::string(kFooter) + "\n" + kExitCodeHelp);
  add_path(*app, "DIR", arguments->folder, "Folder with W.npy and H.npy", "")->required();
  add_path(*app, "--pairs", arguments->pairs, "Pairs of row and column (format below)")->required();
  add_path(*app, "--output", arguments->output, "Where the predictions go [standard output]");
  app->add_flag("--json", arguments->json, "Print {pairs, known, rmse, mae}");
  return {app, [arguments] { return run(*arguments); }};
}

}  // namespace orthant::cli
