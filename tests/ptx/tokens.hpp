#pragma once

#include <string_view>
#include <vector>

namespace ptx {

struct Token {
  std::string_view text;
  int line = 0;
};

/// Words (with their dots and percent signs), strings with their quotes, and single characters; no comments.
std::vector<Token> tokenize(std::string_view text);

}  // namespace ptx
