#include <cmath>
#include <cstdint>
#include <limits>

#include "host/io/npy_array.hpp"
#include "tests/io/io_test.hpp"
#include "tests/io/npy_writer.hpp"

namespace orthant::io {
namespace {

template <class T>
class Npy : public ::testing::Test {
 protected:
  static Rows rows(const std::string& bytes) { return rows_of(parse_npy<T>(bytes, "file")); }
  static Failure fails(const std::string& bytes) {
    return failure([&] { return parse_npy<T>(bytes, "file"); });
  }
  static Failure fails_with(const std::string& header) { return fails(npy(header, "")); }

  // A type as the file names it, read from numbers of that type in both byte orders and both orders of elements.
  template <class U>
  static void check_type(const std::string& name, const std::vector<U>& numbers) {
    const Rows by_rows{{double(T(numbers[0])), double(T(numbers[1])), double(T(numbers[2]))},
                       {double(T(numbers[3])), double(T(numbers[4])), double(T(numbers[5]))}};
    const Rows by_columns{{double(T(numbers[0])), double(T(numbers[2])), double(T(numbers[4]))},
                          {double(T(numbers[1])), double(T(numbers[3])), double(T(numbers[5]))}};
    for (const char order : {'<', '>'}) {
      const std::string data = raw(numbers, order == '>');
      EXPECT_EQ(rows(npy(npy_header(order + name, "(2, 3)"), data)), by_rows) << order << name;
      EXPECT_EQ(rows(npy(npy_header(order + name, "(2, 3)", true), data)), by_columns) << order << name;
      if (sizeof(U) == 1) {
        EXPECT_EQ(rows(npy(npy_header('|' + name, "(2, 3)"), data)), by_rows);
      }
    }
  }
};
TYPED_TEST_SUITE(Npy, Precisions);

TYPED_TEST(Npy, ElementTypes) {
  this->template check_type<float>("f4", {0, 0.1f, 2.5f, 3e38f, 1e-40f, -1});
  this->template check_type<double>("f8", {0, 0.1, 2.5, 3e38, 1e-320, -1});
  this->template check_type<std::uint8_t>("b1", {0, 1, 1, 0, 1, 0});
  this->template check_type<std::uint8_t>("u1", {0, 1, 2, 127, 128, 255});
  this->template check_type<std::uint16_t>("u2", {0, 1, 256, 32767, 32768, 65535});
  this->template check_type<std::uint32_t>("u4", {0, 1, 65536, 2147483648, 16777217, 4294967295});
  this->template check_type<std::uint64_t>("u8",
                                           {0, 1, 4294967296, 9007199254740993, 9223372036854775808u, UINT64_MAX});
  this->template check_type<std::int8_t>("i1", {0, 1, 2, 127, -128, -1});
  this->template check_type<std::int16_t>("i2", {0, 1, 256, 32767, -32768, -1});
  this->template check_type<std::int32_t>("i4", {0, 1, 65536, 16777217, INT32_MIN, -1});
  this->template check_type<std::int64_t>("i8", {0, 1, 4294967296, 9007199254740993, INT64_MIN, -1});
}

TYPED_TEST(Npy, HalfPrecision) {
  const std::vector<std::uint16_t> bits{0x0000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x0400, 0x2e66, 0x3555, 0x7c00};
  const std::vector<TypeParam> expected{0,
                                        1,
                                        -2,
                                        65504,
                                        TypeParam(0x1p-24),
                                        TypeParam(1023 * 0x1p-24),
                                        TypeParam(0x1p-14),
                                        TypeParam(0x1.998p-4),
                                        TypeParam(0x1.554p-2),
                                        std::numeric_limits<TypeParam>::infinity()};
  for (const char order : {'<', '>'}) {
    const std::string bytes = npy(npy_header(order + std::string("f2"), "(1, 10)"), raw(bits, order == '>'));
    EXPECT_EQ(parse_npy<TypeParam>(bytes, "file").values, expected);
  }
  const auto odd = parse_npy<TypeParam>(npy(npy_header("<f2", "(1, 2)"), raw<std::uint16_t>({0x7e00, 0x8000})), "file");
  EXPECT_TRUE(std::isnan(odd.values[0]));
  EXPECT_TRUE(odd.values[1] == 0 && std::signbit(odd.values[1]));
}

TYPED_TEST(Npy, WhatIsNotFiniteIsReadAsItIs) {
  const double inf = std::numeric_limits<double>::infinity();
  const auto values =
      parse_npy<TypeParam>(npy(npy_header("<f8", "(1, 3)"), raw<double>({inf, -inf, NAN})), "file").values;
  EXPECT_EQ(values[0], std::numeric_limits<TypeParam>::infinity());
  EXPECT_EQ(values[1], -std::numeric_limits<TypeParam>::infinity());
  EXPECT_TRUE(std::isnan(values[2]));
}

TEST(NpyFloat, OverflowOfSinglePrecision) {
  const std::string header = npy_header("<f8", "(1, 3)");
  const std::string bytes = npy(header, raw<double>({1, 1e39, 2}));
  EXPECT_EQ(failure([&] { return parse_npy<float>(bytes, "file"); }),
            at_byte(static_cast<std::int64_t>(10 + header.size() + 8),
                    "the number 1e+39 is too large, expected what single precision holds"));
  EXPECT_EQ(rows_of(parse_npy<double>(bytes, "file")), (Rows{{1, 1e39, 2}}));
}

TYPED_TEST(Npy, FormatVersions) {
  for (int version : {1, 2, 3}) {
    EXPECT_EQ(this->rows(npy(npy_header("<f8", "(1, 2)"), raw<double>({3, 4}), version)), (Rows{{3, 4}})) << version;
  }
  for (int version : {0, 4, 200}) {
    EXPECT_EQ(this->fails(npy(npy_header("<f8", "(1, 2)"), raw<double>({3, 4}), version)),
              at_byte(6, "format version " + std::to_string(version) + ", expected 1, 2 or 3"));
  }
}

TYPED_TEST(Npy, WaysToWriteAHeader) {
  const std::string data = raw<double>({3, 4});
  for (const char* header : {
           "{'shape': (1, 2), 'descr': '<f8', 'fortran_order': False}",
           "{\"descr\":\"<f8\",\"fortran_order\":False,\"shape\":(1,2,)}",
           "  { 'descr' : '<f8' , 'fortran_order' : False , 'shape' : ( 1 , 2 ) , }     \n",
           "{'descr': '<f8', 'fortran_order': False, 'shape': (1L, 2L), }\n",
       }) {
    EXPECT_EQ(this->rows(npy(header, data)), (Rows{{3, 4}})) << header;
  }
}

TYPED_TEST(Npy, MatricesHaveEntries) {
  for (const char* shape : {"(0, 5)", "(4611686018427387904, 0)", "(0, 0)"})
    EXPECT_EQ(this->fails(npy(npy_header("<f8", shape), "")),
              at_byte(60, std::string("the array has shape ") + shape +
                              ", expected a matrix (2 dimensions) of at least one row and column"));
}

TYPED_TEST(Npy, OnlyMatrices) {
  const auto dimensions = [](const std::string& shape) {
    return at_byte(60, "the array has shape " + shape + ", expected a matrix (2 dimensions)");
  };
  EXPECT_EQ(this->fails(npy(npy_header("<f8", "(2,)"), raw<double>({1, 2}))), dimensions("(2,)"));
  EXPECT_EQ(this->fails(npy(npy_header("<f8", "(1, 2, 1)"), raw<double>({1, 2}))), dimensions("(1, 2, 1)"));
  EXPECT_EQ(this->fails(npy(npy_header("<f8", "()"), raw<double>({1}))), dimensions("()"));
}

TYPED_TEST(Npy, ElementTypesThatAreRefused) {
  for (const char* type : {"<f3", "<c8", "<c16", "|O", "|S3", "<U3", "<M8[ns]", "f8", "=f8", "|f8", "|i4", "", "<",
                           "<f16", "<b8", "<u3", "<f", "xf4"}) {
    EXPECT_EQ(this->fails_with(npy_header(type, "(1, 2)")),
              at_byte(20, std::string("element type '") + type +
                              "' is not supported, expected f2, f4, f8, b1, u1, u2, u4, u8, i1, i2, i4 or i8"));
  }
  EXPECT_EQ(this->fails_with("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1, 2), }"),
            at_byte(20, "the header has '[('a', '<f8')], 'fortran_order': False, ...', expected text in quotes"));
}

TYPED_TEST(Npy, WrongLength) {
  const std::string header = npy_header("<f8", "(2, 3)");
  const auto start = static_cast<std::int64_t>(10 + header.size());
  const std::string data = raw<double>({1, 2, 3, 4, 5, 6});
  for (std::size_t size : {0, 1, 40, 47}) {
    EXPECT_EQ(this->fails(npy(header, data.substr(0, size))),
              at_byte(start + static_cast<std::int64_t>(size),
                      "the file ends early: shape (2, 3) of 8-byte elements needs more than the " +
                          std::to_string(size) + " bytes of data"));
  }
  EXPECT_EQ(this->fails(npy(header, data + "x")),
            at_byte(start + 48, "1 bytes follow the array of shape (2, 3), expected the end of the file"));
}

TYPED_TEST(Npy, ShapesThatOverflow) {
  for (const char* shape :
       {"(1000000, 1000000)", "(4294967296, 4294967296)", "(9223372036854775807, 9223372036854775807)",
        "(2305843009213693952, 8)", "(3, 6148914691236517206)"}) {
    const std::string header = npy_header("<f8", shape);
    EXPECT_EQ(this->fails(npy(header, raw<double>({1, 2}))),
              at_byte(static_cast<std::int64_t>(10 + header.size() + 16),
                      std::string("the file ends early: shape ") + shape +
                          " of 8-byte elements needs more than the 16 bytes of data"));
  }
}

TYPED_TEST(Npy, HeadersThatAreRefused) {
  EXPECT_EQ(this->fails(""), at_byte(0, "the file begins with '', expected NumPy's magic"));
  EXPECT_EQ(this->fails("1,2\n3,4\n"), at_byte(0, "the file begins with '1,2?3,', expected NumPy's magic"));
  const std::string whole = npy(npy_header("<f8", "(1, 1)"), "", 2);
  for (std::size_t size = 6; size < whole.size(); ++size) {
    EXPECT_EQ(this->fails(whole.substr(0, size)),
              at_byte(static_cast<std::int64_t>(size), "the file ends in its header"));
  }
  EXPECT_EQ(this->fails_with(""), at_byte(10, "the header has its end, expected '{'"));
  EXPECT_EQ(this->fails_with("[]"), at_byte(10, "the header has '[]', expected '{'"));
  EXPECT_EQ(this->fails_with("{}"), at_byte(12, "the header has no key 'descr'"));
  EXPECT_EQ(this->fails_with("{'descr': '<f8', 'shape': (1, 1)}"),
            at_byte(43, "the header has no key 'fortran_order'"));
  EXPECT_EQ(this->fails_with("{'descr': '<f8', 'fortran_order': True}"), at_byte(49, "the header has no key 'shape'"));
  const std::string keys = ", expected 'descr', 'fortran_order' and 'shape', each once";
  EXPECT_EQ(this->fails_with("{'type': '<f8'}"), at_byte(11, "the key 'type'" + keys));
  EXPECT_EQ(this->fails_with("{'descr': '<f8', 'descr': '<f4'}"), at_byte(27, "the key 'descr'" + keys));
  EXPECT_EQ(this->fails_with("{'descr': 'shape': (1, 1)}"), at_byte(27, "the header has ': (1, 1)}', expected '}'"));
  EXPECT_EQ(this->fails_with("{'descr' '<f8'}"), at_byte(19, "the header has ''<f8'}', expected ':'"));
  EXPECT_EQ(this->fails_with("{'descr': '<f8"), at_byte(20, "the header has ''<f8', expected text in quotes"));
  EXPECT_EQ(this->fails_with("{'descr': "), at_byte(20, "the header has its end, expected text in quotes"));
  EXPECT_EQ(this->fails_with("{'fortran_order': 1}"), at_byte(28, "the header has '1}', expected True or False"));
  EXPECT_EQ(this->fails_with("{'shape': 5}"), at_byte(20, "the header has '5}', expected '('"));
  const std::string size = ", expected a size from 0 to 2^63 - 1";
  EXPECT_EQ(this->fails_with("{'shape': (-1, 2)}"), at_byte(21, "the shape has '-1, 2)}'" + size));
  EXPECT_EQ(this->fails_with("{'shape': (3, x)}"), at_byte(24, "the shape has 'x)}'" + size));
  EXPECT_EQ(this->fails_with("{'shape': (9223372036854775808, 1)}"),
            at_byte(21, "the shape has '9223372036854775808, 1)}'" + size));
  EXPECT_EQ(this->fails_with("{'shape': (3, "), at_byte(24, "the shape has its end" + size));
  EXPECT_EQ(this->fails_with("{'shape': (3 4)}"), at_byte(23, "the header has '4)}', expected ')'"));
  EXPECT_EQ(this->fails_with(npy_header("<f8", "(1, 1)") + "junk"),
            at_byte(static_cast<std::int64_t>(10 + npy_header("<f8", "(1, 1)").size()),
                    "the header goes on behind its dictionary: 'junk'"));
}

TYPED_TEST(Npy, WrittenMatricesAreReadBack) {
  using T = TypeParam;
  const T nan = std::numeric_limits<T>::quiet_NaN(), inf = std::numeric_limits<T>::infinity();
  const std::vector<T> memory{T(0.1),
                              -0.0,
                              nan,
                              inf,
                              std::numeric_limits<T>::denorm_min(),
                              std::numeric_limits<T>::max(),
                              7,
                              8,
                              9,
                              10,
                              11,
                              12,
                              13,
                              14,
                              15,
                              16,
                              17,
                              18};
  for (Layout layout : {Layout::row_major, Layout::column_major}) {
    for (std::int64_t ld : {3, 4, 6}) {
      for (std::int64_t vectors : {1, 2, 3}) {  // rows or columns, of three elements
        DenseView<const T> v{memory.data(), vectors, 3, ld, layout, MemorySpace::host};
        if (layout == Layout::column_major) std::swap(v.rows, v.columns);
        const std::string bytes = npy_bytes<T>(v);
        EXPECT_EQ((bytes.size() - static_cast<std::size_t>(9 * vectors / 3) * sizeof(T)) % 64, 0u);
        const DenseData<T> m = parse_npy<T>(bytes, "file");
        ASSERT_EQ(m.rows, v.rows);
        ASSERT_EQ(m.columns, v.columns);
        EXPECT_EQ(m.layout, Layout::row_major);
        for (std::int64_t i = 0; i < v.rows; ++i) {
          for (std::int64_t j = 0; j < v.columns; ++j) {
            const T expected = v.data[layout == Layout::row_major ? i * ld + j : i + j * ld];
            EXPECT_EQ(raw<T>({m.values[static_cast<std::size_t>(i * v.columns + j)]}), raw<T>({expected}));
          }
        }
      }
    }
  }
}

TYPED_TEST(Npy, WrittenBytesAreThoseOfNumPy) {
  using T = TypeParam;
  const std::vector<T> values{1, 2};
  const std::string type = sizeof(T) == 4 ? "<f4" : "<f8";
  const std::string dictionary = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (2, 1), }";
  const std::string bytes = npy_bytes<T>(row_major(values.data(), 2, 1));
  EXPECT_EQ(bytes, std::string("\x93NUMPY\x01\x00\x76\x00", 10) + dictionary +
                       std::string(128 - 10 - 1 - dictionary.size(), ' ') + "\n" + raw(values));
}

TEST(NpyIntegers, OnlyIntegersAreIndices) {
  const auto parse = [](const std::string& bytes) { return parse_npy_array<std::int64_t>(bytes, "file"); };
  EXPECT_EQ(parse(npy(npy_header(">i4", "(3,)"), raw<std::int32_t>({1, -2, INT32_MAX}, true))).values,
            (std::vector<std::int64_t>{1, -2, INT32_MAX}));
  EXPECT_EQ(parse(npy(npy_header("<i8", "(2,)"), raw<std::int64_t>({INT64_MIN, INT64_MAX}))).values,
            (std::vector<std::int64_t>{INT64_MIN, INT64_MAX}));
  EXPECT_EQ(parse(npy(npy_header("<u8", "(1,)"), raw<std::uint64_t>({INT64_MAX}))).values,
            (std::vector<std::int64_t>{INT64_MAX}));
  EXPECT_EQ(failure([&] { return parse(npy(npy_header("<f8", "(1,)"), raw<double>({1}))); }),
            at_byte(20, "element type '<f8' is not supported, expected b1, u1, u2, u4, u8, i1, i2, i4 or i8"));
  const std::string header = npy_header("<u8", "(2,)");
  EXPECT_EQ(failure([&] {
              return parse(npy(header, raw<std::uint64_t>({1, 1ull << 63})));
            }),
            at_byte(static_cast<std::int64_t>(10 + header.size() + 8),
                    "the number 9223372036854775808 is too large, expected less than 2^63"));
}

TEST(NpyText, OneElement) {
  EXPECT_EQ(parse_npy_text(npy(npy_header("|S3", "()"), "csr"), "file"), "csr");
  EXPECT_EQ(parse_npy_text(npy(npy_header("<U3", "()"), std::string("c\0\0\0s\0\0\0c\0\0\0", 12)), "file"), "csc");
  EXPECT_EQ(failure([&] { return parse_npy_text(npy(npy_header("<f8", "()"), "12345678"), "file"); }),
            at_byte(20, "element type '<f8', expected text (S or U)"));
}

}  // namespace
}  // namespace orthant::io
