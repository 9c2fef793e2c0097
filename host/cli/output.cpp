#include "host/cli/output.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "host/cli/errors.hpp"

namespace orthant::cli {
namespace {

std::string in(const std::string& folder, const std::string& name) {
  return (std::filesystem::path(folder) / name).string();
}

}  // namespace

void prepare_output(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw FileError(folder + ": the folder cannot be made: " + error.message());
  std::string probe = in(folder, ".orthant.XXXXXX");
  const int fd = mkstemp(probe.data());
  if (fd < 0) throw FileError(folder + ": no file can be made there: " + std::generic_category().message(errno));
  close(fd);
  unlink(probe.c_str());
}

void OutputFiles::add(const std::string& name, std::string_view bytes) {
  files_.emplace_back(in(folder_, name)).write(bytes);
}

void OutputFiles::put_in_place() {
  for (io::OutputFile& file : files_) file.put_in_place();
}

}  // namespace orthant::cli
