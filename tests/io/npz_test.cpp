#include <cstdint>

#include "tests/io/io_test.hpp"
#include "tests/io/npy_writer.hpp"
#include "tests/io/zip_writer.hpp"

namespace orthant::io {
namespace {

using Members = std::vector<std::pair<std::string, std::string>>;

template <class U>
std::string vector_of(const std::string& type, const std::vector<U>& numbers) {
  return npy(npy_header(type, "(" + std::to_string(numbers.size()) + ",)"), raw(numbers));
}

std::string integers(const std::vector<std::int32_t>& numbers) { return vector_of("<i4", numbers); }
std::string long_integers(const std::vector<std::int64_t>& numbers) { return vector_of("<i8", numbers); }

// The same matrix in each format: {{0, 1, 2}, {3, 0, 0}}.
Members members(const std::string& format) {
  Members out{{"format.npy", npy(npy_header("|S3", "()"), format)}, {"shape.npy", long_integers({2, 3})}};
  if (format == "csr") {
    out.emplace_back("data.npy", vector_of<double>("<f8", {1, 2, 3}));
    out.emplace_back("indices.npy", integers({1, 2, 0}));
    out.emplace_back("indptr.npy", integers({0, 2, 3}));
  } else if (format == "csc") {
    out.emplace_back("data.npy", vector_of<double>("<f8", {3, 1, 2}));
    out.emplace_back("indices.npy", integers({1, 0, 0}));
    out.emplace_back("indptr.npy", integers({0, 1, 2, 3}));
  } else {
    out.emplace_back("data.npy", vector_of<double>("<f8", {2, 3, 1}));
    out.emplace_back("row.npy", integers({0, 1, 0}));
    out.emplace_back("col.npy", integers({2, 0, 1}));
  }
  return out;
}

Members with(Members all, const std::string& name, const std::string& contents) {
  for (auto& [key, value] : all) {
    if (key == name) value = contents;
  }
  return all;
}

Members without(const Members& all, const std::string& name) {
  Members out;
  for (const auto& member : all) {
    if (member.first != name) out.push_back(member);
  }
  return out;
}

// An error in a member, all of which are vectors: of its length, or of an element that takes so many bytes.
Failure at_length(const std::string& member, const std::string& what) {
  const Failure at = at_byte(60, what);
  return {"file: " + member + ".npy" + at.what.substr(4), at.line, at.byte};
}
Failure at_element(const std::string& member, std::size_t element, std::size_t width, const std::string& what) {
  const Failure at = at_byte(static_cast<std::int64_t>(10 + npy_header("<i8", "(3,)").size() + element * width), what);
  return {"file: " + member + ".npy" + at.what.substr(4), at.line, at.byte};
}

template <class T>
class Npz : public ::testing::Test {
 protected:
  static SparseData<T> parse(const std::string& bytes) { return parse_npz<T>(bytes, "file"); }
  static Rows rows(const Members& all, bool deflated = false) { return rows_of(parse(zip(all, deflated))); }
  static Failure fails(const std::string& bytes) {
    return failure([&] { return parse(bytes); });
  }
  static Failure fails(const Members& all) { return fails(zip(all)); }
};
TYPED_TEST_SUITE(Npz, Precisions);

const Rows kExpected{{0, 1, 2}, {3, 0, 0}};

TYPED_TEST(Npz, FormatsStoredAndDeflated) {
  for (const char* format : {"csr", "csc", "coo"}) {
    EXPECT_EQ(this->rows(members(format), false), kExpected) << format;
    EXPECT_EQ(this->rows(members(format), true), kExpected) << format;
  }
  const auto m = this->parse(zip(members("csc")));
  EXPECT_EQ(m.offsets, (std::vector<std::int64_t>{0, 2, 3}));
  EXPECT_EQ(m.indices, (std::vector<std::int32_t>{1, 2, 0}));
  EXPECT_EQ(m.values, (std::vector<TypeParam>{1, 2, 3}));
}

// Files of scipy.sparse.save_npz, kept as seeds of the fuzz target.
TYPED_TEST(Npz, FilesOfScipy) {
  const Rows expected{{0, 1.5, 0, 0}, {2, 0, 0, 3}, {0, 0, 0, 0}};
  for (const char* name : {"csr", "csr_f4", "csr_stored", "csr_i8", "csr_array", "csc", "coo"}) {
    const std::string path = std::string(ORTHANT_FUZZ_CORPUS) + "/npz/" + name + ".npz";
    EXPECT_EQ(rows_of(read_matrix<TypeParam>(path)), expected) << name;
  }
}

TYPED_TEST(Npz, TypesOfMembers) {
  EXPECT_EQ(this->rows(with(with(members("csr"), "indices.npy", long_integers({1, 2, 0})), "indptr.npy",
                            long_integers({0, 2, 3}))),
            kExpected);
  EXPECT_EQ(this->rows(with(members("csr"), "shape.npy", integers({2, 3}))), kExpected);
  EXPECT_EQ(this->rows(with(members("csr"), "data.npy", vector_of<float>("<f4", {1, 2, 3}))), kExpected);
  EXPECT_EQ(this->rows(with(members("csr"), "data.npy", vector_of<std::uint8_t>("|u1", {1, 2, 3}))), kExpected);
  EXPECT_EQ(this->rows(with(members("csr"), "format.npy",
                            npy(npy_header("<U3", "()"), std::string("c\0\0\0s\0\0\0r\0\0\0", 12)))),
            kExpected);
  EXPECT_EQ(
      this->fails(with(members("csr"), "indices.npy", vector_of<double>("<f8", {1, 2, 0}))).what,
      "file: indices.npy: byte 20: element type '<f8' is not supported, expected b1, u1, u2, u4, u8, i1, i2, i4 or i8");
  EXPECT_EQ(
      this->fails(with(members("coo"), "row.npy", vector_of<float>("<f4", {1, 2, 0}))).what,
      "file: row.npy: byte 20: element type '<f4' is not supported, expected b1, u1, u2, u4, u8, i1, i2, i4 or i8");
}

TYPED_TEST(Npz, UnsortedAndRepeatedEntries) {
  EXPECT_EQ(this->rows(with(members("csr"), "indices.npy", integers({2, 1, 0}))), (Rows{{0, 2, 1}, {3, 0, 0}}));
  const auto m = this->parse(zip(with(members("csr"), "indices.npy", integers({2, 2, 0}))));
  EXPECT_EQ(m.values, (std::vector<TypeParam>{3, 3}));
  EXPECT_EQ(rows_of(m), (Rows{{0, 0, 3}, {3, 0, 0}}));
  EXPECT_EQ(this->rows(with(members("coo"), "row.npy", integers({1, 1, 1}))), (Rows{{0, 0, 0}, {3, 1, 2}}));
}

TYPED_TEST(Npz, CoordinatesInOneMember) {
  Members all = without(without(members("coo"), "row.npy"), "col.npy");
  all.emplace_back("coords.npy", npy(npy_header("<i4", "(2, 3)"), raw<std::int32_t>({0, 1, 0, 2, 0, 1})));
  EXPECT_EQ(this->rows(all), kExpected);
  EXPECT_EQ(this->rows(
                with(all, "coords.npy", npy(npy_header("<i8", "(2, 3)", true), raw<std::int64_t>({0, 2, 1, 0, 0, 1})))),
            kExpected);
  EXPECT_EQ(this->fails(with(all, "coords.npy", integers({0, 1, 0, 2, 0, 1}))),
            at_length("coords", "coords has another shape than expected, (2, 3)"));
  EXPECT_EQ(
      this->fails(with(all, "coords.npy", npy(npy_header("<i4", "(2, 3)"), raw<std::int32_t>({0, 1, 0, 2, 3, 1})))),
      (Failure{"file: coords.npy: byte 86: coords[4] is 3, expected 0 to 2", -1, 86}));
}

TYPED_TEST(Npz, NoEntries) {
  Members empty = with(with(members("csr"), "data.npy", vector_of<double>("<f8", {})), "indices.npy", integers({}));
  EXPECT_EQ(this->rows(with(empty, "indptr.npy", integers({0, 0, 0}))), (Rows{{0, 0, 0}, {0, 0, 0}}));
}

TYPED_TEST(Npz, MissingMembers) {
  for (const char* format : {"csr", "csc", "coo"}) {
    for (const auto& member : members(format)) {
      EXPECT_EQ(this->fails(without(members(format), member.first)),
                of_file("has no member '" + member.first + "', expected a file of scipy.sparse.save_npz"));
    }
  }
  EXPECT_EQ(this->fails(Members{{"arr_0.npy", integers({1})}}),
            of_file("has no member 'format.npy', expected a file of scipy.sparse.save_npz"));
}

TYPED_TEST(Npz, FormatsThatAreRefused) {
  for (const char* format : {"bsr", "dia", ""}) {
    EXPECT_EQ(this->fails(with(members("csr"), "format.npy", npy(npy_header("|S3", "()"), format))),
              of_file(std::string("sparse format '") + format + "' is not supported, expected csr, csc or coo"));
  }
  EXPECT_EQ(this->fails(with(members("csr"), "format.npy", integers({1}))).what,
            "file: format.npy: byte 20: element type '<i4', expected text (S or U)");
}

TYPED_TEST(Npz, ShapesThatAreRefused) {
  const auto shape = [](const std::string& text) {
    return at_element("shape", 0, 8,
                      "the shape is (" + text + "), expected rows and columns, each from 1 to 2147483647");
  };
  EXPECT_EQ(this->fails(with(members("csr"), "shape.npy", long_integers({2}))), shape("2"));
  EXPECT_EQ(this->fails(with(members("csr"), "shape.npy", long_integers({2, 3, 4}))), shape("2, 3, 4"));
  EXPECT_EQ(this->fails(with(members("csr"), "shape.npy", long_integers({1, 2, 3, 4, 5}))), shape("1, 2, 3, 4, ..."));
  EXPECT_EQ(this->fails(with(members("csr"), "shape.npy", long_integers({0, 3}))), shape("0, 3"));
  EXPECT_EQ(this->fails(with(members("csr"), "shape.npy", long_integers({2, -3}))), shape("2, -3"));
  EXPECT_EQ(this->fails(with(members("csr"), "shape.npy", long_integers({2147483648, 3}))), shape("2147483648, 3"));
}

TYPED_TEST(Npz, LengthsThatDoNotFit) {
  EXPECT_EQ(this->fails(with(members("csr"), "indptr.npy", integers({0, 3}))),
            at_length("indptr", "indptr has 2 elements, expected 3"));
  EXPECT_EQ(this->fails(with(members("csc"), "indptr.npy", integers({0, 2, 3}))),
            at_length("indptr", "indptr has 3 elements, expected 4"));
  EXPECT_EQ(this->fails(with(members("csr"), "indices.npy", integers({1, 2}))),
            at_length("indices", "indices has 2 elements, expected 3"));
  EXPECT_EQ(this->fails(with(members("coo"), "row.npy", integers({1, 0, 1, 1}))),
            at_length("row", "row has 4 elements, expected 3"));
  EXPECT_EQ(this->fails(with(members("coo"), "col.npy", integers({}))),
            at_length("col", "col has 0 elements, expected 3"));
}

TYPED_TEST(Npz, IndicesOutOfRange) {
  EXPECT_EQ(this->fails(with(members("csr"), "indices.npy", integers({1, 3, 0}))),
            at_element("indices", 1, 4, "indices[1] is 3, expected 0 to 2"));
  EXPECT_EQ(this->fails(with(members("csr"), "indices.npy", long_integers({1, 2, -1}))),
            at_element("indices", 2, 8, "indices[2] is -1, expected 0 to 2"));
  EXPECT_EQ(this->fails(with(members("csr"), "indices.npy", long_integers({4294967296, 2, 0}))),
            at_element("indices", 0, 8, "indices[0] is 4294967296, expected 0 to 2"));
  EXPECT_EQ(this->fails(with(members("csc"), "indices.npy", integers({1, 0, 2}))),
            at_element("indices", 2, 4, "indices[2] is 2, expected 0 to 1"));
  EXPECT_EQ(this->fails(with(members("coo"), "row.npy", integers({0, 2, 0}))),
            at_element("row", 1, 4, "row[1] is 2, expected 0 to 1"));
  EXPECT_EQ(this->fails(with(members("coo"), "col.npy", integers({0, 2, -7}))),
            at_element("col", 2, 4, "col[2] is -7, expected 0 to 2"));
}

TYPED_TEST(Npz, InconsistentIndptr) {
  EXPECT_EQ(this->fails(with(members("csr"), "indptr.npy", integers({1, 2, 3}))),
            at_element("indptr", 0, 4, "indptr[0] is 1, expected 0"));
  EXPECT_EQ(this->fails(with(members("csr"), "indptr.npy", integers({-1, 2, 3}))),
            at_element("indptr", 0, 4, "indptr[0] is -1, expected 0"));
  EXPECT_EQ(this->fails(with(members("csr"), "indptr.npy", integers({0, 2, 2}))),
            at_element("indptr", 2, 4, "indptr[2] is 2, expected 3"));
  EXPECT_EQ(this->fails(with(members("csr"), "indptr.npy", integers({0, 2, 4}))),
            at_element("indptr", 2, 4, "indptr[2] is 4, expected 3"));
  EXPECT_EQ(this->fails(with(members("csr"), "indptr.npy", integers({0, 4, 3}))),
            at_element("indptr", 1, 4, "indptr[1] is 4, expected 0 to 3"));
  EXPECT_EQ(this->fails(with(members("csc"), "indptr.npy", integers({0, 2, 1, 3}))),
            at_element("indptr", 2, 4, "indptr[2] is 1, expected 2 to 3"));
  EXPECT_EQ(this->fails(with(members("csr"), "indptr.npy", long_integers({0, INT64_MIN, 3}))),
            at_element("indptr", 1, 8, "indptr[1] is -9223372036854775808, expected 0 to 3"));
}

TYPED_TEST(Npz, NotAnArchive) {
  const std::string no_directory = "not a NumPy archive: Not a zip archive";
  EXPECT_EQ(this->fails(""), of_file("has no member 'format.npy', expected a file of scipy.sparse.save_npz"));
  EXPECT_EQ(this->fails(integers({1, 2})), of_file(no_directory));
  const std::string bytes = zip(members("csr"));
  for (std::size_t size = 1; size < bytes.size(); size += 7) {
    EXPECT_EQ(this->fails(bytes.substr(0, size)).what.substr(0, 19), "file: not a NumPy a") << size;
  }
}

TYPED_TEST(Npz, DamageIsFound) {
  for (const bool deflated : {false, true}) {
    const std::string bytes = zip(members("csr"), deflated);
    for (const auto& [name, contents] : members("csr")) {
      std::string damaged = bytes;  // in the last byte of the member's data
      const std::size_t begin = bytes.find("PK\3\4", bytes.find(name));
      const std::size_t end = begin == std::string::npos ? bytes.find("PK\1\2") : begin;
      damaged[end - 1] = static_cast<char>(damaged[end - 1] ^ 1);
      EXPECT_EQ(this->fails(damaged).what.substr(0, 18 + name.size()), "file: member '" + name + "' is") << deflated;
    }
  }
  std::string damaged = zip(members("csr"));
  damaged[damaged.find("csr", 30)] = 'x';
  EXPECT_EQ(this->fails(damaged), of_file("member 'format.npy' is damaged: CRC error"));
}

TYPED_TEST(Npz, SizesThatTheFileCannotHold) {
  std::string bytes = zip(members("csr"), true);
  const std::size_t entry = bytes.find("PK\1\2");  // of the first member
  for (std::size_t i = 24; i < 27; ++i) bytes[entry + i] = '\xff';
  bytes[entry + 27] = '\x7f';
  EXPECT_EQ(this->fails(bytes), of_file("member 'format.npy' claims 2147483647 bytes, more than the file can hold"));
}

TEST(NpzFloat, OverflowOfSinglePrecision) {
  const std::string bytes = zip(with(members("csr"), "data.npy", vector_of<double>("<f8", {1, 2, 1e300})));
  EXPECT_EQ(failure([&] { return parse_npz<float>(bytes, "file"); }).what,
            "file: data.npy: byte " + std::to_string(10 + npy_header("<f8", "(3,)").size() + 16) +
                ": the number 1e+300 is too large, expected what single precision holds");
}

}  // namespace
}  // namespace orthant::io
