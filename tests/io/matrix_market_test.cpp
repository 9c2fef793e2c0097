#include <omp.h>

#include <cmath>
#include <limits>
#include <random>

#include "tests/io/io_test.hpp"

namespace orthant::io {
namespace {

template <class T>
class MatrixMarket : public ::testing::Test {
 protected:
  static MatrixData<T> parse(std::string_view text) { return parse_matrix_market<T>(text, "file"); }
  static Rows rows(std::string_view text) { return rows_of(parse(text)); }
  static Failure fails(std::string_view text) {
    return failure([&] { return parse(text); });
  }
  static Failure fails_with(const std::string& header, const std::string& rest) {
    return fails("%%MatrixMarket matrix " + header + "\n" + rest);
  }
};
TYPED_TEST_SUITE(MatrixMarket, Precisions);

const std::string kReal = "%%MatrixMarket matrix coordinate real general\n";
const std::string kArray = "%%MatrixMarket matrix array real general\n";

TYPED_TEST(MatrixMarket, CoordinateRealGeneral) {
  const auto m = this->parse(kReal + "3 4 5\n3 1 1.5\n1 4 2\n1 2 0.25\n3 4 1e3\n3 3 0\n");
  const auto& sparse = std::get<SparseData<TypeParam>>(m);
  EXPECT_EQ(sparse.rows, 3);
  EXPECT_EQ(sparse.columns, 4);
  EXPECT_EQ(sparse.offsets, (std::vector<std::int64_t>{0, 2, 2, 5}));
  EXPECT_EQ(sparse.indices, (std::vector<std::int32_t>{1, 3, 0, 2, 3}));
  EXPECT_EQ(sparse.values, (std::vector<TypeParam>{0.25, 2, 1.5, 0, 1000}));  // a stored zero stays
  EXPECT_EQ(rows_of(m), (Rows{{0, 0.25, 0, 2}, {0, 0, 0, 0}, {1.5, 0, 0, 1000}}));
}

TYPED_TEST(MatrixMarket, AByteOrderMarkIsSkipped) {
  const std::string mark = "\xEF\xBB\xBF";
  EXPECT_EQ(this->rows(mark + kReal + "1 2 1\n1 2 3\n"), (Rows{{0, 3}}));
  EXPECT_EQ(this->rows(mark + kArray + "1 2\n4\n3\n"), (Rows{{4, 3}}));
  EXPECT_EQ(this->fails(mark + kReal + "1 2 1\n1 2 x\n").line, 3);
}

TYPED_TEST(MatrixMarket, FieldsOfCoordinate) {
  const std::string text = "2 3 2\n2 3 7\n1 1 4\n";
  const Rows expected{{4, 0, 0}, {0, 0, 7}};
  EXPECT_EQ(this->rows("%%MatrixMarket matrix coordinate integer general\n" + text), expected);
  EXPECT_EQ(this->rows("%%MatrixMarket matrix coordinate unsigned-integer general\n" + text), expected);
  EXPECT_EQ(this->rows("%%MatrixMarket matrix coordinate pattern general\n2 3 2\n2 3\n1 1\n"),
            (Rows{{1, 0, 0}, {0, 0, 1}}));
}

TYPED_TEST(MatrixMarket, SymmetricCoordinate) {
  const Rows expected{{1, 2, 0}, {2, 0, 3}, {0, 3, 4}};
  EXPECT_EQ(this->rows("%%MatrixMarket matrix coordinate real symmetric\n3 3 4\n1 1 1\n2 1 2\n3 2 3\n3 3 4\n"),
            expected);
  EXPECT_EQ(this->rows("%%MatrixMarket matrix coordinate integer symmetric\n3 3 4\n1 1 1\n2 1 2\n3 2 3\n3 3 4\n"),
            expected);
  EXPECT_EQ(this->rows("%%MatrixMarket matrix coordinate pattern symmetric\n3 3 2\n3 1\n2 2\n"),
            (Rows{{0, 0, 1}, {0, 1, 0}, {1, 0, 0}}));
}

// An entry and its mirror image would count twice.
TYPED_TEST(MatrixMarket, SymmetricCoordinateIsOneTriangle) {
  const std::string real = "coordinate real symmetric";
  EXPECT_EQ(this->rows("%%MatrixMarket matrix " + real + "\n3 3 3\n1 1 1\n1 2 2\n2 3 3\n"),
            (Rows{{1, 2, 0}, {2, 0, 3}, {0, 3, 0}}))
      << "the upper one";
  const std::string rest = " it; expected one triangle only, as the header says 'symmetric'";
  const std::string above = "an entry above the diagonal, after one below" + rest;
  const std::string below = "an entry below the diagonal, after one above" + rest;
  EXPECT_EQ(this->fails_with(real, "3 3 4\n1 1 1\n2 1 2\n%\n1 2 2\n3 1 1\n"), at_line(6, above));
  EXPECT_EQ(this->fails_with(real, "3 3 3\n1 3 1\n1 2 2\n3 1 1\n"), at_line(5, below));
  EXPECT_EQ(this->fails_with("coordinate pattern symmetric", "3 3 2\n1 3\n2 1\n"), at_line(4, below));
  // Of two defects the first in the file counts.
  EXPECT_EQ(this->fails_with(real, "3 3 3\n2 1 1\n1 2 2\n0 0 0\n"), at_line(4, above));
  EXPECT_EQ(this->fails_with(real, "3 3 3\n2 1 1\n0 0 0\n1 2 2\n"), at_line(4, "row 0, expected 1 to 3"));
  EXPECT_EQ(this->fails_with(real, "3 3 1\n2 1 1\n1 2 2\n3 3 3\n"), at_line(4, "entry 2, expected only 1"));
  EXPECT_EQ(this->fails_with(real, "3 3 2\n2 1 1\n1 2 2\n3 3 3\n"), at_line(4, above));
}

TYPED_TEST(MatrixMarket, ArrayIsColumnByColumn) {
  const auto m = this->parse(kArray + "2 3\n1\n2\n3\n4\n5\n6\n");
  EXPECT_EQ(std::get<DenseData<TypeParam>>(m).layout, Layout::column_major);
  EXPECT_EQ(rows_of(m), (Rows{{1, 3, 5}, {2, 4, 6}}));
  EXPECT_EQ(this->rows("%%MatrixMarket matrix array integer general\n1 2\n10\n20\n"), (Rows{{10, 20}}));
}

TYPED_TEST(MatrixMarket, SymmetricArrayIsTheLowerTriangle) {
  EXPECT_EQ(this->rows("%%MatrixMarket matrix array real symmetric\n3 3\n1\n2\n3\n4\n5\n6\n"),
            (Rows{{1, 2, 3}, {2, 4, 5}, {3, 5, 6}}));
}

TYPED_TEST(MatrixMarket, WhatTheFormatLeavesFree) {
  const Rows expected{{0, 5}, {7, 0}};
  EXPECT_EQ(this->rows(kReal + "2 2 2\n1 2 5\n2 1 7"), expected) << "no newline at the end";
  EXPECT_EQ(this->rows("%%MatrixMarket matrix coordinate real general\r\n2 2 2\r\n1 2 5\r\n2 1 7\r\n"), expected);
  EXPECT_EQ(this->rows("%%MATRIXMARKET  Matrix\tCOORDINATE Real GENERAL\n2 2 2\n1 2 5\n2 1 7\n"), expected);
  EXPECT_EQ(this->rows(kReal + "%\n%a comment 1 2 3\n\n  \n2 2 2\n\n1 2 5\n% between\n \t\n2 1 7\n\n%end\n"), expected);
  EXPECT_EQ(this->rows(kReal + " \t2\t2   2 \n\t1\t2\t5\t\n   2   1   7   \n"), expected);
  EXPECT_EQ(this->rows(kReal + "+2 +2 +2\n+1 +2 +5\n2 1 +.7e+1\n"), expected);
  EXPECT_EQ(this->rows(kReal + "2 2 2\n1 2 5.\n2 1 700E-2\n"), expected);
  EXPECT_EQ(this->rows(kReal + "2 2 2\n0001 2 5\n02 01 007.0\n"), expected);
}

TYPED_TEST(MatrixMarket, NumbersAreTheNearest) {
  using T = TypeParam;
  const auto values = std::get<SparseData<T>>(this->parse(kReal + "1 5 5\n1 1 0.1\n1 2 16777217\n1 3 1e-400\n"
                                                                  "1 4 3.4028234663852886e38\n1 5 -2.5\n"))
                          .values;
  EXPECT_EQ(values, (std::vector<T>{T(0.1), T(16777217), 0, T(3.4028234663852886e38), T(-2.5)}));
}

TYPED_TEST(MatrixMarket, WhatIsNotFiniteIsReadAsItIs) {
  using T = TypeParam;
  const auto values =
      std::get<SparseData<T>>(this->parse(kReal + "1 4 4\n1 1 inf\n1 2 -Infinity\n1 3 NaN\n1 4 +INF\n")).values;
  const T inf = std::numeric_limits<T>::infinity();
  EXPECT_EQ(values[0], inf);
  EXPECT_EQ(values[1], -inf);
  EXPECT_TRUE(std::isnan(values[2]));
  EXPECT_EQ(values[3], inf);
}

TYPED_TEST(MatrixMarket, NumbersTooLargeAreRefused) {
  const std::string precision = sizeof(TypeParam) == 4 ? "single precision" : "double precision";
  EXPECT_EQ(this->fails(kReal + "2 2 2\n1 1 1\n1 2 1e999\n"),
            at_line(4, "a number in '1 2 1e999' is too large, expected what " + precision + " holds"));
  EXPECT_EQ(this->fails(kArray + "1 1\n-1e999\n"),
            at_line(3, "a number in '-1e999' is too large, expected what " + precision + " holds"));
  EXPECT_EQ(this->fails_with("coordinate integer general", "2 2 1\n1 1 9223372036854775808\n"),
            at_line(3, "a number in '1 1 9223372036854775808' is too large, expected less than 2^63"));
}

TEST(MatrixMarketFloat, OverflowOfSinglePrecisionOnly) {
  const std::string text = kReal + "1 1 1\n1 1 1e39\n";
  EXPECT_EQ(failure([&] { return parse_matrix_market<float>(text, "file"); }),
            at_line(3, "a number in '1 1 1e39' is too large, expected what single precision holds"));
  EXPECT_EQ(rows_of(parse_matrix_market<double>(text, "file")), (Rows{{1e39}}));
}

TYPED_TEST(MatrixMarket, RepeatedEntriesAddUp) {
  const auto m =
      std::get<SparseData<TypeParam>>(this->parse(kReal + "2 3 6\n2 3 1\n1 1 5\n2 3 2\n2 1 9\n2 3 4\n1 1 1\n"));
  EXPECT_EQ(inconsistency(m), "");
  EXPECT_EQ(m.values, (std::vector<TypeParam>{6, 9, 7}));
  EXPECT_EQ(rows_of(m), (Rows{{6, 0, 0}, {9, 0, 7}}));
}

TYPED_TEST(MatrixMarket, NoEntries) {
  EXPECT_EQ(this->rows(kReal + "2 3 0\n"), (Rows{{0, 0, 0}, {0, 0, 0}}));
  EXPECT_EQ(this->rows(kReal + "2 3 0"), (Rows{{0, 0, 0}, {0, 0, 0}}));
}

TYPED_TEST(MatrixMarket, HeadersThatAreRefused) {
  const std::string expected = ", expected '%%MatrixMarket matrix FORMAT FIELD SYMMETRY'";
  EXPECT_EQ(this->fails(""), at_line(1, "the header is ''" + expected));
  EXPECT_EQ(this->fails("1 1 1\n"), at_line(1, "the header is '1 1 1'" + expected));
  EXPECT_EQ(this->fails("\n" + kReal), at_line(1, "the header is ''" + expected));
  EXPECT_EQ(this->fails("%%MatrixMarket matrix coordinate real\r\n1 1 0\n"),
            at_line(1, "the header is '%%MatrixMarket matrix coordinate real'" + expected));
  EXPECT_EQ(this->fails("%%MatrixMarket vector coordinate real general\n"),
            at_line(1, "the header is '%%MatrixMarket vector coordinate real ge...'" + expected));
  EXPECT_EQ(this->fails(std::string("\x1b[2J\xff\0", 6)),
            at_line(1, std::string("the header is '?[2J?") + "?'" + expected));
  EXPECT_EQ(this->fails_with("sparse real general", ""),
            at_line(1, "format 'sparse' is not supported, expected one of coordinate, array"));
  EXPECT_EQ(this->fails_with("coordinate complex general", ""),
            at_line(1, "field 'complex' is not supported, expected one of real, integer, unsigned-integer, pattern"));
  EXPECT_EQ(this->fails_with("coordinate complex hermitian", ""),
            at_line(1, "field 'complex' is not supported, expected one of real, integer, unsigned-integer, pattern"));
  EXPECT_EQ(this->fails_with("coordinate real skew-symmetric", ""),
            at_line(1, "symmetry 'skew-symmetric' is not supported, expected one of general, symmetric"));
  EXPECT_EQ(this->fails_with("coordinate real Hermitian", ""),
            at_line(1, "symmetry 'hermitian' is not supported, expected one of general, symmetric"));
  EXPECT_EQ(this->fails_with("array pattern general", ""),
            at_line(1, "field 'pattern' in format 'array', expected 'coordinate'"));
}

TYPED_TEST(MatrixMarket, SizesThatAreRefused) {
  const auto sizes = [](const std::string& text) {
    return at_line(
        2, "the sizes are '" + text + "', expected ROWS COLUMNS ENTRIES, rows and columns from 1 to 2147483647");
  };
  for (const char* text :
       {"0 0 0", "0 5 0", "5 0 0", "-1 5 0", "5 5 -1", "5 5", "5 5 5 5", "5 5 1.5", "a b c", "2147483648 1 0",
        "1 2147483648 0", "99999999999999999999 1 0", "5 5 99999999999999999999", "5 +-5 0", "5,5,0", "5 5 0 % end"}) {
    EXPECT_EQ(this->fails(kReal + text + "\n"), sizes(text));
  }
  EXPECT_EQ(this->fails(kArray + "0 0\n"),
            at_line(2, "the sizes are '0 0', expected ROWS COLUMNS, rows and columns from 1 to 2147483647"));
  EXPECT_EQ(this->fails(kArray + "1 1 1\n1\n"),
            at_line(2, "the sizes are '1 1 1', expected ROWS COLUMNS, rows and columns from 1 to 2147483647"));
  EXPECT_EQ(this->fails_with("coordinate real symmetric", "% c\n2 3 0\n"),
            at_line(3, "the sizes are '2 3 0', expected a square matrix, as the header says 'symmetric'"));
  EXPECT_EQ(this->fails(kReal), at_line(1, "the file ends before its sizes"));
  EXPECT_EQ(this->fails(kReal + "% only\n%comments\n"), at_line(3, "the file ends before its sizes"));
}

TYPED_TEST(MatrixMarket, SizesThatTheFileCannotHold) {
  EXPECT_EQ(this->fails(kReal + "1000000 1000000 1000000000000\n1 1 1\n"),
            at_line(2, "the sizes promise 1000000000000 entries, but the rest of the file has room for 1 at most"));
  EXPECT_EQ(this->fails_with("coordinate pattern general", "9 9 4\n1 1\n1 2\n1 3\n"),
            at_line(2, "the sizes promise 4 entries, but the rest of the file has room for 3 at most"));
  EXPECT_EQ(
      this->fails(kArray + "2147483647 2147483647\n1\n"),
      at_line(2, "the sizes promise 4611686014132420609 entries, but the rest of the file has room for 1 at most"));
  EXPECT_EQ(
      this->fails_with("array real symmetric", "2147483647 2147483647\n1\n"),
      at_line(2, "the sizes promise 2305843008139952128 entries, but the rest of the file has room for 1 at most"));
}

TYPED_TEST(MatrixMarket, EntriesThatAreRefused) {
  const auto entry = [this](const std::string& line) {
    return this->fails(kReal + "% c\n3 4 2\n1 1 1\n" + line + "\n%%%%%%%%%%\n");
  };
  for (const char* line : {"1 2", "1", "x", "1 2 x", "1 2 3 4", "1.0 2 3", "1 2.0 3", "1 2 3x", "1 2 +-3", "1 2 ++3",
                           "1 2 0x10", "1 2 1d3", "1,2,3", "1 2 3 % no", "+-1 2 3", "1 2 -", "1 2 1e"}) {
    EXPECT_EQ(entry(line), at_line(5, std::string("the entry is '") + line + "', expected ROW COLUMN NUMBER")) << line;
  }
  EXPECT_EQ(entry("0 1 1"), at_line(5, "row 0, expected 1 to 3"));
  EXPECT_EQ(entry("4 1 1"), at_line(5, "row 4, expected 1 to 3"));
  EXPECT_EQ(entry("-1 1 1"), at_line(5, "row -1, expected 1 to 3"));
  EXPECT_EQ(entry("3 0 1"), at_line(5, "column 0, expected 1 to 4"));
  EXPECT_EQ(entry("3 5 1\r"), at_line(5, "column 5, expected 1 to 4"));
  EXPECT_EQ(entry("1 9223372036854775807 1"), at_line(5, "column 9223372036854775807, expected 1 to 4"));
  EXPECT_EQ(entry("4294967297 1 1"), at_line(5, "row 4294967297, expected 1 to 3"));
  EXPECT_EQ(this->fails_with("coordinate pattern general", "2 2 1\n1 1 1\n"),
            at_line(3, "the entry is '1 1 1', expected ROW COLUMN"));
  EXPECT_EQ(this->fails_with("coordinate integer general", "2 2 1\n1 1 1.5\r\n"),
            at_line(3, "the entry is '1 1 1.5', expected ROW COLUMN INTEGER"));
  EXPECT_EQ(this->fails(kArray + "2 2\n1\n2\n3 4\n"), at_line(5, "the entry is '3 4', expected one NUMBER a line"));
  EXPECT_EQ(this->fails_with("array integer general", "1 1\ninf\n"),
            at_line(3, "the entry is 'inf', expected one INTEGER a line"));
}

TYPED_TEST(MatrixMarket, WrongNumberOfEntries) {
  EXPECT_EQ(this->fails(kReal + "3 3 3\n1 1 1.00000000\n2 2 1\n"),
            at_line(4, "the file ends after 2 entries, expected 3"));
  EXPECT_EQ(this->fails(kReal + "3 3 3\n1 1 1.00000000\n2 2 1\n% end\n"),
            at_line(5, "the file ends after 2 entries, expected 3"));
  EXPECT_EQ(this->fails(kReal + "3 3 1\n1 1 1\n\n%\n2 2 1\n3 3 1\n"), at_line(6, "entry 2, expected only 1"));
  EXPECT_EQ(this->fails(kReal + "3 3 0\n1 1 1\n"), at_line(3, "entry 1, expected only 0"));
  EXPECT_EQ(this->fails_with("coordinate real symmetric", "3 3 2\n1 1 1.0000000\n"),
            at_line(3, "the file ends after 1 entries, expected 2"));
  EXPECT_EQ(this->fails_with("coordinate real symmetric", "3 3 2\n2 1 1\n3 1 1\n3 2 1\n"),
            at_line(5, "entry 3, expected only 2"));
  EXPECT_EQ(this->fails(kArray + "2 2\n1.0\n2.0\n3.0\n"), at_line(5, "the file ends after 3 entries, expected 4"));
  EXPECT_EQ(this->fails(kArray + "1 2\n1\n2\n3\n"), at_line(5, "entry 3, expected only 2"));
  EXPECT_EQ(this->fails_with("array real symmetric", "2 2\n1\n2\n3\n4\n"), at_line(6, "entry 4, expected only 3"));
}

// The text is long enough to be read in parts, whose borders depend on the number of threads.
template <class T>
class MatrixMarketThreads : public MatrixMarket<T> {
 protected:
  void TearDown() override { omp_set_num_threads(threads_before_); }

  // Line i + 3 holds entry i; some lines are long, some are comments.
  static std::vector<std::string> lines(const std::string& last_columns, bool one_triangle = false) {
    std::mt19937 random(1);
    std::vector<std::string> out;
    for (int i = 0; i < 30000; ++i) {
      if (i % 97 == 0) {
        out.push_back("% " + std::string(random() % 300, 'c'));
      } else {
        auto row = 1 + random() % 100, column = 1 + random() % 100;
        if (one_triangle && row < column) std::swap(row, column);
        out.push_back(std::to_string(row) + " " + std::to_string(column) +
                      (last_columns.empty() ? "" : " " + last_columns + std::to_string(random() % 100000)));
      }
    }
    return out;
  }
  static std::string text(const std::string& kind, const std::vector<std::string>& lines, int extra_entries = 0) {
    std::string body;
    int entries = extra_entries;
    for (const std::string& line : lines) {
      entries += line[0] != '%';
      body += line + "\n";
    }
    return "%%MatrixMarket matrix " + kind + "\n100 100 " + std::to_string(entries) + "\n" + body;
  }

 private:
  int threads_before_ = omp_get_max_threads();
};
TYPED_TEST_SUITE(MatrixMarketThreads, Precisions);

TYPED_TEST(MatrixMarketThreads, SameBitsForAnyNumberOfThreads) {
  for (const bool symmetric : {false, true}) {
    const std::string kind = std::string("coordinate real ") + (symmetric ? "symmetric" : "general");
    const std::string text = this->text(kind, this->lines("0.", symmetric));
    omp_set_num_threads(1);
    const auto expected = std::get<SparseData<TypeParam>>(this->parse(text.substr()));
    EXPECT_EQ(inconsistency(expected), "");
    EXPECT_GT(expected.values.size(), 8000u);  // of 10000 places, and each is repeated: the order of sums shows
    for (int threads : {2, 3, 7, 16}) {
      omp_set_num_threads(threads);
      const auto m = std::get<SparseData<TypeParam>>(this->parse(text));
      EXPECT_EQ(m.offsets, expected.offsets) << threads;
      EXPECT_EQ(m.indices, expected.indices) << threads;
      EXPECT_EQ(m.values, expected.values) << threads;
    }
  }
}

TYPED_TEST(MatrixMarketThreads, SumsAreThoseOfTheFile) {
  const std::vector<std::string> lines = this->lines("");
  Rows expected(100, std::vector<double>(100));
  for (const std::string& line : lines) {
    if (line[0] == '%') continue;
    const std::size_t space = line.find(' ');
    expected[std::stoul(line) - 1][std::stoul(line.substr(space)) - 1] += 1;
  }
  for (int threads : {1, 2, 5}) {
    omp_set_num_threads(threads);
    EXPECT_EQ(this->rows(this->text("coordinate pattern general", lines)), expected);
  }
}

TYPED_TEST(MatrixMarketThreads, TheFirstBadLineIsNamed) {
  const std::vector<std::string> good = this->lines("0.");
  for (int threads : {1, 2, 3, 7, 16}) {
    omp_set_num_threads(threads);
    for (int first : {1, 2, 5000, 14999, 15000, 15001, 29998, 29999}) {
      std::vector<std::string> bad = good;
      bad[static_cast<std::size_t>(first)] = "101 1 1";
      for (int later : {first + 1, first + 10, 20000, 29999}) {
        if (later > first && later < 30000) bad[static_cast<std::size_t>(later)] = "1 101 1";
      }
      EXPECT_EQ(this->fails(this->text("coordinate real general", bad)),
                at_line(first + 3, "row 101, expected 1 to 100"))
          << threads;
    }
  }
}

TYPED_TEST(MatrixMarketThreads, TheFirstEntryOfTheOtherTriangleIsNamed) {
  const std::vector<std::string> good = this->lines("0.", true);
  for (int threads : {1, 2, 7}) {
    omp_set_num_threads(threads);
    for (int first : {5000, 15000, 29999}) {
      std::vector<std::string> bad = good;
      for (int i : {first, 29999}) bad[static_cast<std::size_t>(i)] = "3 9 1";
      EXPECT_EQ(this->fails(this->text("coordinate real symmetric", bad)).line, first + 3) << threads;
    }
  }
}

TYPED_TEST(MatrixMarketThreads, TheFirstEntryTooManyIsNamed) {
  std::vector<std::string> lines = this->lines("0.");
  lines.resize(29000);  // the last is an entry
  for (int threads : {1, 2, 7}) {
    omp_set_num_threads(threads);
    const std::size_t count = 29000 - 299;
    EXPECT_EQ(this->fails(this->text("coordinate real general", lines, -1)),
              at_line(29002, "entry " + std::to_string(count) + ", expected only " + std::to_string(count - 1)));
    // Of two defects the first in the file counts.
    std::vector<std::string> bad = lines;
    bad.back() = "0 0 0";
    const int fewer = -15000;
    EXPECT_EQ(this->fails(this->text("coordinate real general", bad, fewer)).what.substr(0, 25),
              this->fails(this->text("coordinate real general", lines, fewer)).what.substr(0, 25));
    EXPECT_EQ(this->fails(this->text("coordinate real general", lines, 1)),
              at_line(29002, "the file ends after " + std::to_string(count) + " entries, expected " +
                                 std::to_string(count + 1)));
  }
}

TYPED_TEST(MatrixMarketThreads, ArraysOfAnyNumberOfThreads) {
  std::string text = "100 300\n";
  Rows expected(100, std::vector<double>(300));
  for (std::size_t j = 0; j < 300; ++j) {
    for (std::size_t i = 0; i < 100; ++i) {
      expected[i][j] = static_cast<double>((i * 300 + j) * 7919 % 10007);
      text += std::to_string((i * 300 + j) * 7919 % 10007) + "\n";
    }
  }
  for (int threads : {1, 2, 7}) {
    omp_set_num_threads(threads);
    EXPECT_EQ(this->rows(kArray + text), expected);
    EXPECT_EQ(this->rows("%%MatrixMarket matrix array integer general\n" + text), expected);
  }
}

}  // namespace
}  // namespace orthant::io
