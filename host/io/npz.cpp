#include <zip.h>

#include <cmath>
#include <memory>

#include "host/io/compress.hpp"
#include "host/io/io_error.hpp"
#include "host/io/npy_array.hpp"

namespace orthant::io {
namespace {

// The members of a NumPy archive.
class Archive {
 public:
  Archive(std::string_view bytes, const std::string& file) : file_(file) {
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
    zip_t* zip = source == nullptr ? nullptr : zip_open_from_source(source, ZIP_RDONLY, &error);
    if (zip == nullptr) {
      if (source != nullptr) zip_source_free(source);
      const std::string what = zip_error_strerror(&error);
      zip_error_fini(&error);
      throw IoError(file, "not a NumPy archive: " + what);
    }
    zip_error_fini(&error);
    zip_.reset(zip);
    limit_ = bytes.size() * 1100 + 4096;  // deflate cannot do better
  }

  std::string member(const std::string& name) const {
    zip_stat_t stat;
    if (zip_stat(zip_.get(), name.c_str(), 0, &stat) != 0 || (stat.valid & ZIP_STAT_SIZE) == 0) {
      throw IoError(file_, "has no member '" + name + "': not written by scipy.sparse.save_npz");
    }
    if (stat.size > limit_) throw IoError(file_, "member '" + name + "' claims an impossible size");
    std::string bytes(stat.size, '\0');
    const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> f(zip_fopen(zip_.get(), name.c_str(), 0), zip_fclose);
    zip_int64_t got = 0;
    if (f) got = zip_fread(f.get(), bytes.data(), bytes.size());
    if (!f || got != static_cast<zip_int64_t>(bytes.size())) {
      throw IoError(file_, "member '" + name + "' cannot be read: it is damaged");
    }
    return bytes;
  }

 private:
  std::string file_;
  std::unique_ptr<zip_t, void (*)(zip_t*)> zip_{nullptr, zip_discard};
  std::size_t limit_ = 0;
};

}  // namespace

template <class T>
SparseData<T> parse_npz(std::string_view bytes, const std::string& file) {
  const Archive archive(bytes, file);
  // Indices up to 2^31 are exact in double.
  const auto numbers = [&](const char* name) {
    return parse_npy_array<double>(archive.member(std::string(name) + ".npy"), file + ": " + name + ".npy").values;
  };
  // The format is a string, for which the array parser has no type: it stands at the end of its member.
  const std::string format_member = archive.member("format.npy");
  std::string format;
  for (char c : format_member.substr(format_member.size() - std::min<std::size_t>(format_member.size(), 12))) {
    if (c >= 'a' && c <= 'z') format += c;
  }
  const std::vector<double> shape = numbers("shape");
  const double most = std::numeric_limits<std::int32_t>::max();
  if (shape.size() != 2 || !(shape[0] >= 1 && shape[0] <= most && shape[1] >= 1 && shape[1] <= most)) {
    throw IoError(file, "the shape must be two numbers from 1 to 2147483647");
  }
  const auto rows = static_cast<std::int64_t>(shape[0]), columns = static_cast<std::int64_t>(shape[1]);
  const std::vector<T> values = parse_npy_array<T>(archive.member("data.npy"), file + ": data.npy").values;
  std::vector<Triplet<T>> entries;
  entries.reserve(values.size());
  const auto index = [&](double i, std::int64_t bound, const char* what, std::size_t entry) {
    if (!(i >= 0 && i < static_cast<double>(bound))) {
      throw IoError(file, std::string(what) + " of entry " + std::to_string(entry) + " is " +
                              std::to_string(static_cast<long long>(std::isfinite(i) ? i : -1)) + ", expected 0 to " +
                              std::to_string(bound - 1));
    }
    return static_cast<std::int32_t>(i);
  };
  const auto check_size = [&](std::size_t n, std::size_t expected, const char* what) {
    if (n != expected) {
      throw IoError(file, std::string(what) + " has " + std::to_string(n) + " elements, expected " + std::to_string(expected));
    }
  };
  if (format == "coo") {
    const std::vector<double> i = numbers("row"), j = numbers("col");
    check_size(i.size(), values.size(), "row");
    check_size(j.size(), values.size(), "col");
    for (std::size_t p = 0; p < values.size(); ++p) {
      entries.push_back({index(i[p], rows, "row", p), index(j[p], columns, "column", p), values[p]});
    }
  } else if (format == "csr" || format == "csc") {
    const bool by_rows = format == "csr";
    const std::vector<double> offsets = numbers("indptr"), indices = numbers("indices");
    check_size(offsets.size(), static_cast<std::size_t>(by_rows ? rows : columns) + 1, "indptr");
    check_size(indices.size(), values.size(), "indices");
    if (offsets.front() != 0 || offsets.back() != static_cast<double>(values.size())) {
      throw IoError(file, "indptr must run from 0 to the number of entries, " + std::to_string(values.size()));
    }
    for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
      if (!(offsets[s] <= offsets[s + 1] && offsets[s + 1] <= offsets.back())) {
        throw IoError(file, "indptr[" + std::to_string(s + 1) + "] is out of order");
      }
      for (auto p = static_cast<std::size_t>(offsets[s]); p < static_cast<std::size_t>(offsets[s + 1]); ++p) {
        const auto own = static_cast<std::int32_t>(s);
        const std::int32_t other = index(indices[p], by_rows ? columns : rows, by_rows ? "column" : "row", p);
        entries.push_back(by_rows ? Triplet<T>{own, other, values[p]} : Triplet<T>{other, own, values[p]});
      }
    }
  } else {
    throw IoError(file, "sparse format '" + format + "' is not supported, expected csr, csc or coo");
  }
  return compress(rows, columns, entries);
}

template SparseData<float> parse_npz(std::string_view, const std::string&);
template SparseData<double> parse_npz(std::string_view, const std::string&);

}  // namespace orthant::io
