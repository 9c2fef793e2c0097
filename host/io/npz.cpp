#include <zip.h>

#include <cstdint>
#include <limits>
#include <memory>

#include "host/io/compress.hpp"
#include "host/io/io_error.hpp"
#include "host/io/matrix_file.hpp"
#include "host/io/npy_array.hpp"
#include "host/io/number.hpp"

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
    most_ = bytes.size() * 1032 + 64;  // deflate cannot do better: two bits stand for 258 bytes at most
  }

  std::string member(const std::string& name) const {
    zip_stat_t stat;
    if (zip_stat(zip_.get(), name.c_str(), 0, &stat) != 0 || (stat.valid & ZIP_STAT_SIZE) == 0) {
      throw IoError(file_, "has no member '" + name + "', expected a file of scipy.sparse.save_npz");
    }
    if (stat.size > most_) {
      throw IoError(
          file_, "member '" + name + "' claims " + std::to_string(stat.size) + " bytes, more than the file can hold");
    }
    std::string bytes(stat.size, '\0');
    const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> f(zip_fopen(zip_.get(), name.c_str(), 0), zip_fclose);
    // libzip compares the checksum when it reads past the end.
    char behind = 0;
    if (!f || zip_fread(f.get(), bytes.data(), bytes.size()) != static_cast<zip_int64_t>(bytes.size()) ||
        zip_fread(f.get(), &behind, 1) != 0) {
      throw IoError(file_, "member '" + name + "' is damaged: " +
                               zip_error_strerror(f ? zip_file_get_error(f.get()) : zip_get_error(zip_.get())));
    }
    return bytes;
  }

  std::vector<std::int64_t> integers(const std::string& name) const {
    return parse_npy_array<std::int64_t>(member(name), file_ + ": " + name).values;
  }

 private:
  std::string file_;
  std::unique_ptr<zip_t, void (*)(zip_t*)> zip_{nullptr, zip_discard};
  std::size_t most_ = 0;
};

// Reads one sparse matrix from an archive.
template <class T>
class SparseParser {
 public:
  SparseParser(std::string_view bytes, const std::string& file) : archive_(bytes, file), file_(file) {}

  SparseData<T> parse() {
    const std::string format = parse_npy_text(archive_.member("format.npy"), file_ + ": format.npy");
    if (format != "csr" && format != "csc" && format != "coo") {
      fail("sparse format " + quoted(format) + " is not supported, expected csr, csc or coo");
    }
    const std::vector<std::int64_t> shape = archive_.integers("shape.npy");
    constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
    if (shape.size() != 2 || shape[0] < 1 || shape[0] > most || shape[1] < 1 || shape[1] > most) {
      std::string list;
      for (std::size_t i = 0; i < shape.size() && i < 4; ++i) list += (i > 0 ? ", " : "") + std::to_string(shape[i]);
      fail("the shape is (" + list + (shape.size() > 4 ? ", ..." : "") +
           "), expected rows and columns, each from 1 to " + std::to_string(most));
    }
    rows_ = shape[0];
    columns_ = shape[1];
    values_ = parse_npy_array<T>(archive_.member("data.npy"), file_ + ": data.npy").values;
    std::vector<std::vector<Triplet<T>>> parts;
    parts.push_back(format == "coo" ? coordinates() : compressed(format == "csr"));
    values_ = {};
    return compress(rows_, columns_, std::move(parts));
  }

 private:
  std::vector<Triplet<T>> coordinates() const {
    const std::vector<std::int64_t> i = archive_.integers("row.npy"), j = archive_.integers("col.npy");
    check_size("row", i.size(), values_.size());
    check_size("col", j.size(), values_.size());
    std::vector<Triplet<T>> entries;
    entries.reserve(values_.size());
    for (std::size_t p = 0; p < values_.size(); ++p) {
      entries.push_back({index("row", p, i[p], rows_), index("col", p, j[p], columns_), values_[p]});
    }
    return entries;
  }

  std::vector<Triplet<T>> compressed(bool by_rows) const {
    const std::int64_t major = by_rows ? rows_ : columns_, minor = by_rows ? columns_ : rows_;
    const std::vector<std::int64_t> offsets = archive_.integers("indptr.npy"),
                                    indices = archive_.integers("indices.npy");
    check_size("indptr", offsets.size(), static_cast<std::size_t>(major) + 1);
    check_size("indices", indices.size(), values_.size());
    const auto count = static_cast<std::int64_t>(values_.size());
    check_offset(offsets, 0, 0, 0);
    std::vector<Triplet<T>> entries;
    entries.reserve(values_.size());
    for (std::size_t s = 0; s < static_cast<std::size_t>(major); ++s) {
      const bool last = s + 1 == static_cast<std::size_t>(major);
      check_offset(offsets, s + 1, last ? count : offsets[s], count);
      const auto own = static_cast<std::int32_t>(s);
      for (auto p = static_cast<std::size_t>(offsets[s]); p < static_cast<std::size_t>(offsets[s + 1]); ++p) {
        const std::int32_t other = index("indices", p, indices[p], minor);
        entries.push_back(by_rows ? Triplet<T>{own, other, values_[p]} : Triplet<T>{other, own, values_[p]});
      }
    }
    return entries;
  }

  void check_size(const std::string& name, std::size_t size, std::size_t expected) const {
    if (size != expected) {
      fail(name + " has " + std::to_string(size) + " elements, expected " + std::to_string(expected));
    }
  }
  void check_offset(const std::vector<std::int64_t>& offsets, std::size_t s, std::int64_t least,
                    std::int64_t most) const {
    if (offsets[s] < least || offsets[s] > most) {
      fail("indptr[" + std::to_string(s) + "] is " + std::to_string(offsets[s]) + ", expected " +
           (least == most ? std::to_string(least) : std::to_string(least) + " to " + std::to_string(most)));
    }
  }
  std::int32_t index(const char* name, std::size_t p, std::int64_t i, std::int64_t bound) const {
    if (i < 0 || i >= bound) {
      fail(std::string(name) + "[" + std::to_string(p) + "] is " + std::to_string(i) + ", expected 0 to " +
           std::to_string(bound - 1));
    }
    return static_cast<std::int32_t>(i);
  }
  [[noreturn]] void fail(const std::string& what) const { throw IoError(file_, what); }

  Archive archive_;
  const std::string& file_;
  std::int64_t rows_ = 0, columns_ = 0;
  std::vector<T> values_;
};

}  // namespace

template <class T>
SparseData<T> parse_npz(std::string_view bytes, const std::string& file) {
  return SparseParser<T>(bytes, file).parse();
}

template SparseData<float> parse_npz(std::string_view, const std::string&);
template SparseData<double> parse_npz(std::string_view, const std::string&);

}  // namespace orthant::io
