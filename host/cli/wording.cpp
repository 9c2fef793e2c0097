#include "host/cli/wording.hpp"

namespace orthant::cli {

std::string in_options(std::string message) {
  constexpr const char* kNames[][2] = {
      {"Initialization::", "--init "},
      {"Context::cpu()", "--device cpu"},
      {"MatrixOptions::missing =", "--missing"},
      {"with multiplicative_update", "with --solver mu"},
      {"multiplicative_update", "mu"},
      {"options.w_penalty.l1", "--l1-w"},
      {"options.w_penalty.l2", "--l2-w"},
      {"options.h_penalty.l1", "--l1-h"},
      {"options.h_penalty.l2", "--l2-h"},
      {"options.solver", "--solver"},
      {"options.sweeps", "--sweeps"},
      {"0 (chosen)", "auto"},
      {"options.acceleration", "--acceleration"},
      {"automatic or none", "auto or none"},
      {"2 (frobenius) or 1 (kullback_leibler)", "frobenius or kullback-leibler"},
      {"kullback_leibler", "kullback-leibler"},
      {"whose other entries are missing", "whose other entries are missing (--missing zeros)"},
      {"element_type", "plain"},
      {"use double", "use --precision double"}};
  for (const auto& [name, option] : kNames)
    if (const auto at = message.find(name); at != std::string::npos)
      message.replace(at, std::char_traits<char>::length(name), option);
  return message;
}

}  // namespace orthant::cli
