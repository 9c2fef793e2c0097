#include <csignal>
#include <iostream>
#include <new>
#include <string>

#include "host/cli/errors.hpp"
#include "host/cli/exit_code.hpp"
#include "host/cli/subcommand.hpp"
#include "host/cli/suggestion.hpp"
#include "host/cli/wording.hpp"
#include "orthant/error.hpp"
#include "orthant/version.hpp"

namespace orthant::cli {
namespace {

// The subcommand that was named last, and the words that name it: "bench compare".
const CLI::App& deepest(const CLI::App& app, std::string* words = nullptr) {
  const CLI::App* last = &app;
  for (auto parsed = app.get_subcommands(); !parsed.empty(); parsed = last->get_subcommands()) {
    last = parsed.back();
    if (words != nullptr) *words += last->get_name() + " ";
  }
  return *last;
}

// An unknown option is the likely cause of whatever else is wrong with the command line, so it is told first.
// `arguments_too`: as are unknown arguments that are no options.
void refuse_unknown(const CLI::App& app, bool arguments_too = true) {
  const CLI::App& last = deepest(app);
  for (const CLI::App* level = &last; level != nullptr; level = level->get_parent())
    if (const auto unknown = level->remaining(); !unknown.empty()) {
      // Where the subcommand is missing its options are unknown too; elsewhere, the value of an unknown option.
      const bool subcommand_is_missing = &last == &app && !unknown.front().starts_with("-");
      for (const std::string& argument : unknown)
        if (argument.starts_with("-") && !subcommand_is_missing) throw UsageError(unknown_argument(last, argument));
      if (arguments_too) throw UsageError(unknown_argument(*level, unknown.front()));
    }
}

// CLI11 takes whatever follows an option for its value. What begins with -- has been meant as the next option.
void refuse_options_as_values(CLI::App& app) {
  const auto refuse = [](const std::string& value) {
    return value.starts_with("--") ? "needs a value before " + value : std::string();
  };
  for (CLI::Option* option : app.get_options())
    if (option->get_expected_min() > 0) option->check(refuse);
  for (CLI::App* subcommand : app.get_subcommands({})) refuse_options_as_values(*subcommand);
}

void parse(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success&) {
    throw;
  } catch (const CLI::ArgumentMismatch& e) {
    refuse_unknown(app, false);         // what follows is not parsed any more, and so unknown
    const std::string what = e.what();  // "--rank: 1 required TEXT missing"
    throw UsageError(what.substr(0, what.find(':')) + " needs exactly one value");
  } catch (const CLI::ValidationError& e) {
    refuse_unknown(app, false);
    std::string what = e.what();  // "--rank: needs a value before --threads"
    throw UsageError(what.erase(what.find(':'), 1));
  } catch (const CLI::ParseError& e) {
    refuse_unknown(app);
    throw UsageError(e.what());
  } catch (const UsageError&) {
    refuse_unknown(app);
    throw;
  }
}

int run(int argc, char** argv) {
  CLI::App app("Non-negative matrix factorization: X ~ WH.", "orthant");
  app.set_version_flag("--version", std::string("orthant ") + version());
  app.require_subcommand(1);
  app.footer(std::string(kExitCodeHelp) + "\n\n'orthant SUBCOMMAND --help' tells all options of a subcommand.");
  app.get_formatter()->column_width(30);
  const Subcommand subcommands[] = {add_factorize(app), add_predict(app), add_info(app), add_bench(app)};
  refuse_options_as_values(app);

  try {
    parse(app, argc, argv);
    for (const Subcommand& subcommand : subcommands)
      if (subcommand.app->parsed()) return subcommand.run();
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const UsageError& e) {
    std::string words;
    deepest(app, &words);
    throw UsageError(std::string(e.what()) + " (see orthant " + words + "--help)");
  }
  return kBadUsage;  // not reached: CLI11 requires a subcommand
}

int fail(const std::string& message, ExitCode code) {
  std::cerr << "orthant: error: " << message << std::endl;
  return code;
}

int guarded(int argc, char** argv) {
  try {
    const int code = run(argc, argv);
    if (!std::cout.flush()) return fail("cannot write to standard output", kBadInput);
    return code;
  } catch (const UsageError& e) {
    return fail(e.what(), kBadUsage);
  } catch (const BackendUnavailable& e) {
    return fail(in_options(e.what()), kNoDevice);
  } catch (const OutOfMemory& e) {
    return fail(e.what(), kOutOfMemory);
  } catch (const std::bad_alloc&) {
    return fail("out of memory", kOutOfMemory);
  } catch (const NumericalError& e) {
    return fail(e.what(), kNumericalError);
  } catch (const CudaError& e) {
    return fail(e.what(), kDeviceError);
  } catch (const std::exception& e) {
    return fail(e.what(), kBadInput);
  }
}

}  // namespace
}  // namespace orthant::cli

int main(int argc, char** argv) {
  std::signal(SIGXFSZ, SIG_IGN);  // so that a file that becomes too large is an error as others are
  return orthant::cli::guarded(argc, argv);
}
