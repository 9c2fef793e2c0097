#include "host/cli/output.hpp"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "host/cli/errors.hpp"
#include "host/io/matrix_file.hpp"

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

template <class T>
void write_factor(const std::string& folder, const std::string& name, const FactorData<T>& factor) {
  io::write_bytes(in(folder, name), io::npy_bytes<T>(row_major(factor.values.data(), factor.rows, factor.columns)));
}

void write_text(const std::string& folder, const std::string& name, const std::string& text) {
  io::write_bytes(in(folder, name), text);
}

template void write_factor(const std::string&, const std::string&, const FactorData<float>&);
template void write_factor(const std::string&, const std::string&, const FactorData<double>&);

}  // namespace orthant::cli
