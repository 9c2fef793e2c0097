#include "host/cli/table.hpp"

#include <cmath>
#include <sstream>

namespace orthant::cli {

std::string table_line(const std::vector<Column>& columns, const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::size_t width = columns[i].width, size = cells[i].size();
    const std::string space(width > size ? width - size : 0, ' ');
    if (i > 0) line += ' ';
    line += columns[i].left ? cells[i] + space : space + cells[i];
  }
  return line.substr(0, line.find_last_not_of(' ') + 1);
}

std::string title_line(const std::vector<Column>& columns) {
  std::vector<std::string> titles;
  for (const Column& column : columns) titles.push_back(column.title);
  return table_line(columns, titles);
}

std::string digits(double value) {
  if (value >= 1e4 && value < 1e7) return std::to_string(std::llround(value));
  std::ostringstream out;
  out.precision(4);
  out << value;
  return out.str();
}

}  // namespace orthant::cli
