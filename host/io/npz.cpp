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

  bool has(const std::string& name) const { return zip_name_locate(zip_.get(), name.c_str(), 0) >= 0; }

  NpyArray<std::int64_t> integers(const std::string& name) const {
    return parse_npy_array<std::int64_t>(member(name + ".npy"), file_ + ": " + name + ".npy");
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
      throw IoError(file_, "sparse format " + quoted(format) + " is not supported, expected csr, csc or coo");
    }
    const NpyArray<std::int64_t> shape_array = archive_.integers("shape");
    const std::vector<std::int64_t>& shape = shape_array.values;
    constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
    if (shape.size() != 2 || shape[0] < 1 || shape[0] > most || shape[1] < 1 || shape[1] > most) {
      std::string list;
      for (std::size_t i = 0; i < shape.size() && i < 4; ++i) list += (i > 0 ? ", " : "") + std::to_string(shape[i]);
      fail("shape", shape_array.data_begin,
           "the shape is (" + list + (shape.size() > 4 ? ", ..." : "") +
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
  // Rows and columns are in two members, or are the two rows of one, coords, as arrays of any dimensions have them.
  std::vector<Triplet<T>> coordinates() const {
    const std::size_t count = values_.size();
    std::vector<Triplet<T>> entries;
    if (archive_.has("coords.npy") && !archive_.has("row.npy")) {
      const NpyArray<std::int64_t> both = archive_.integers("coords");
      if (both.shape != std::vector<std::int64_t>{2, static_cast<std::int64_t>(count)}) {
        fail("coords", both.shape_begin, "coords has another shape than expected, (2, " + std::to_string(count) + ")");
      }
      const std::size_t step = both.fortran_order ? 2 : 1, columns = both.fortran_order ? 1 : count;
      entries.reserve(count);
      for (std::size_t p = 0; p < count; ++p) {
        entries.push_back(
            {index("coords", both, p * step, rows_), index("coords", both, columns + p * step, columns_), values_[p]});
      }
      return entries;
    }
    const NpyArray<std::int64_t> i = archive_.integers("row"), j = archive_.integers("col");
    check_size("row", i, count);
    check_size("col", j, count);
    entries.reserve(count);
    for (std::size_t p = 0; p < count; ++p) {
      entries.push_back({index("row", i, p, rows_), index("col", j, p, columns_), values_[p]});
    }
    return entries;
  }

  std::vector<Triplet<T>> compressed(bool by_rows) const {
    const std::int64_t major = by_rows ? rows_ : columns_, minor = by_rows ? columns_ : rows_;
    const NpyArray<std::int64_t> indptr = archive_.integers("indptr"), indices = archive_.integers("indices");
    check_size("indptr", indptr, static_cast<std::size_t>(major) + 1);
    check_size("indices", indices, values_.size());
    const std::vector<std::int64_t>& offsets = indptr.values;
    const auto count = static_cast<std::int64_t>(values_.size());
    check_offset(indptr, 0, 0, 0);
    std::vector<Triplet<T>> entries;
    entries.reserve(values_.size());
    for (std::size_t s = 0; s < static_cast<std::size_t>(major); ++s) {
      const bool last = s + 1 == static_cast<std::size_t>(major);
      check_offset(indptr, s + 1, last ? count : offsets[s], count);
      const auto own = static_cast<std::int32_t>(s);
      for (auto p = static_cast<std::size_t>(offsets[s]); p < static_cast<std::size_t>(offsets[s + 1]); ++p) {
        const std::int32_t other = index("indices", indices, p, minor);
        entries.push_back(by_rows ? Triplet<T>{own, other, values_[p]} : Triplet<T>{other, own, values_[p]});
      }
    }
    return entries;
  }

  void check_size(const std::string& name, const NpyArray<std::int64_t>& array, std::size_t expected) const {
    const std::size_t size = array.values.size();
    if (size != expected) {
      fail(name, array.shape_begin,
           name + " has " + std::to_string(size) + " elements, expected " + std::to_string(expected));
    }
  }
  void check_offset(const NpyArray<std::int64_t>& indptr, std::size_t s, std::int64_t least, std::int64_t most) const {
    const std::int64_t offset = indptr.values[s];
    if (offset < least || offset > most) {
      fail("indptr", indptr.data_begin + s * indptr.width,
           "indptr[" + std::to_string(s) + "] is " + std::to_string(offset) + ", expected " +
               (least == most ? std::to_string(least) : std::to_string(least) + " to " + std::to_string(most)));
    }
  }
  std::int32_t index(const std::string& name, const NpyArray<std::int64_t>& array, std::size_t p,
                     std::int64_t bound) const {
    const std::int64_t i = array.values[p];
    if (i < 0 || i >= bound) {
      fail(name, array.data_begin + p * array.width,
           name + "[" + std::to_string(p) + "] is " + std::to_string(i) + ", expected 0 to " +
               std::to_string(bound - 1));
    }
    return static_cast<std::int32_t>(i);
  }
  // With the byte within the member.
  [[noreturn]] void fail(const std::string& member, std::size_t byte, const std::string& what) const {
    throw IoError::at_byte(file_ + ": " + member + ".npy", static_cast<std::int64_t>(byte), what);
  }

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
