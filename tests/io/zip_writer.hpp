#pragma once

#include <string>
#include <utility>
#include <vector>

namespace orthant::io {

/// A gzip file with one member.
std::string gzip(const std::string& text);

/// A zip archive of (name, contents), stored or deflated; written by hand, so that tests can break it.
std::string zip(const std::vector<std::pair<std::string, std::string>>& members, bool deflated = false);

}  // namespace orthant::io
