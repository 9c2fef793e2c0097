#include "host/io/gzip.hpp"
#include "host/io/input_file.hpp"
#include "host/io/matrix_file.hpp"
#include "host/io/output_file.hpp"

namespace orthant::io {

std::string read_bytes(const std::string& path) {
  InputFile file(path);
  // One byte more than the file has, to see its end without another round.
  std::string bytes(file.size() == InputFile::kUnknown ? std::size_t{1} << 16 : file.size() + 1, '\0');
  std::size_t used = file.read(bytes.data(), bytes.size());
  while (used == bytes.size()) {
    bytes.resize(used * 2);
    used += file.read(bytes.data() + used, bytes.size() - used);
  }
  bytes.resize(used);
  return path.ends_with(".gz") ? inflate_gzip(bytes, path) : bytes;
}

void write_bytes(const std::string& path, std::string_view bytes) {
  OutputFile file(path);
  file.write(bytes);
  file.put_in_place();
}

}  // namespace orthant::io
