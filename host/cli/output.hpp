#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "host/io/output_file.hpp"

namespace orthant::cli {

/// Makes the folder if it is missing, and checks that files can be made in it, so that this is known before the fit.
/// @throws FileError
void prepare_output(const std::string& folder);

/// Files of a folder that belong together: those before them stay until all of these have been written.
/// @throws io::IoError
class OutputFiles {
 public:
  explicit OutputFiles(std::string folder) : folder_(std::move(folder)) {}

  void add(const std::string& name, std::string_view bytes);
  void put_in_place();

 private:
  std::string folder_;
  std::deque<io::OutputFile> files_;
};

}  // namespace orthant::cli
