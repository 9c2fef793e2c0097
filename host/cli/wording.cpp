#include "host/cli/wording.hpp"

namespace orthant::cli {

std::string in_options(std::string message) {
  constexpr const char* kNames[][2] = {
      {"Initialization::", "--init "},
      {"Context::cpu()", "--device cpu"},
      {"MatrixOptions::missing =", "--missing"},
      {"multiplicative_update", "--solver mu"},
      {"2 (frobenius) or 1 (kullback_leibler)", "frobenius or kullback-leibler"},
      {"whose other entries are missing", "whose other entries are missing (--missing zeros)"},
      {"element_type", "plain"},
      {"use double", "use --precision double"}};
  for (const auto& [name, option] : kNames)
    if (const auto at = message.find(name); at != std::string::npos)
      message.replace(at, std::char_traits<char>::length(name), option);
  return message;
}

}  // namespace orthant::cli
