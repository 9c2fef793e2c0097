#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <limits>
#include <string>

#include "host/cli/choices.hpp"
#include "host/cli/errors.hpp"

namespace orthant::cli {

/// The whole text as a number. @throws UsageError naming the option, the text and what was expected
std::int64_t parse_integer(const std::string& option, const std::string& text, std::int64_t least, std::int64_t most);
/// Options::sweeps: auto is 0.
int parse_sweeps(const std::string& option, const std::string& text);
/// "3", or "auto"
std::string sweeps_text(int sweeps);
std::uint64_t parse_seed(const std::string& option, const std::string& text);
double parse_nonnegative(const std::string& option, const std::string& text);
double parse_fraction(const std::string& option, const std::string& text);  ///< above 0 and below 1
Loss parse_loss(const std::string& option, const std::string& text);

/// As it is asked for: "frobenius", "beta=1.5"
std::string name_of(Loss loss);

/// A number for a help text: "0.0001"
std::string brief(double value);

inline CLI::Option* add_integer(CLI::App& app, const std::string& name, int& value, int least,
                                const std::string& description, int most = std::numeric_limits<int>::max()) {
  return app
      .add_option_function<std::string>(
          name,
          [&value, name, least, most](const std::string& text) {
            value = static_cast<int>(parse_integer(name, text, least, most));
          },
          description)
      ->option_text("N");
}

inline CLI::Option* add_nonnegative(CLI::App& app, const std::string& name, double& value,
                                    const std::string& description) {
  return app
      .add_option_function<std::string>(
          name, [&value, name](const std::string& text) { value = parse_nonnegative(name, text); }, description)
      ->option_text("X");
}

inline CLI::Option* add_path(CLI::App& app, const std::string& name, std::string& path, const std::string& description,
                             const std::string& kind = "FILE") {
  return app
      .add_option_function<std::string>(
          name,
          [&path, name](const std::string& text) {
            // As of an unset variable in a script; it must not pass for an option that is not given.
            if (text.empty()) throw UsageError(name + " is '', expected a path");
            path = text;
          },
          description)
      ->option_text(kind);
}

template <class E, std::size_t N>
E parse_choice(const std::string& option, const Choices<E, N>& choices, const std::string& text) {
  for (const auto& [name, choice] : choices)
    if (name == text) return choice;
  throw UsageError(option + " is '" + text + "', expected one of " + names_of(choices, ", "));
}

template <class E, std::size_t N>
CLI::Option* add_choice(CLI::App& app, const std::string& name, E& value, const Choices<E, N>& choices,
                        const std::string& description) {
  return app
      .add_option_function<std::string>(
          name, [&value, &choices, name](const std::string& text) { value = parse_choice(name, choices, text); },
          description)
      ->option_text(names_of(choices));
}

}  // namespace orthant::cli
