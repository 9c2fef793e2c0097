#include "tests/ptx/tokens.hpp"

#include <algorithm>
#include <cctype>

namespace ptx {
namespace {

bool in_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || c == '%' || c == '.';
}

// "::" joins the parts of a modifier, as in .shared::cta.
std::size_t word_end(std::string_view text, std::size_t i) {
  while (i < text.size()) {
    if (in_word(text[i])) {
      ++i;
    } else if (text.substr(i, 2) == "::") {
      i += 2;
    } else {
      break;
    }
  }
  return i;
}

std::size_t end_of(std::string_view text, std::size_t i) {
  if (text.substr(i, 2) == "//") return std::min(text.find('\n', i), text.size());
  if (text.substr(i, 2) == "/*") return std::min(text.find("*/", i), text.size() - 2) + 2;
  if (text[i] == '"') return std::min(text.find('"', i + 1), text.size() - 1) + 1;
  return in_word(text[i]) ? word_end(text, i) : i + 1;
}

}  // namespace

std::vector<Token> tokenize(std::string_view text) {
  std::vector<Token> tokens;
  int line = 1;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t end = end_of(text, i);
    const std::string_view word = text.substr(i, end - i);
    const bool blank =
        std::isspace(static_cast<unsigned char>(text[i])) || word.starts_with("//") || word.starts_with("/*");
    if (!blank) tokens.push_back({word, line});
    line += static_cast<int>(std::count(word.begin(), word.end(), '\n'));
    i = end;
  }
  return tokens;
}

}  // namespace ptx
