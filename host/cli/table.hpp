#pragma once

#include <string>
#include <vector>

namespace orthant::cli {

/// A column of a table that is printed line by line.
struct Column {
  std::string title;
  std::size_t width;
  bool left = false;  ///< texts; numbers are to the right
};

/// Cells beside each other, one for each column, at least a space between them.
std::string table_line(const std::vector<Column>& columns, const std::vector<std::string>& cells);
/// The titles as such a line.
std::string title_line(const std::vector<Column>& columns);

/// A number in four digits, or all that are before the point: "0.9713", "12.5", "66900"
std::string digits(double value);

}  // namespace orthant::cli
