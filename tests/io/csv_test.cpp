#include <cmath>
#include <limits>

#include "tests/io/io_test.hpp"

namespace orthant::io {
namespace {

template <class T>
class Csv : public ::testing::Test {
 protected:
  static Rows rows(std::string_view text, char separator = ',') {
    return rows_of(parse_csv<T>(text, separator, "file"));
  }
  static Rows rows(std::string_view text, HeaderLine header) {
    return rows_of(parse_csv<T>(text, ',', "file", {.missing_fields = false, .missing_hint = {}, .header = header}));
  }
  static Failure fails(std::string_view text, char separator = ',', const ReadOptions& options = {}) {
    return failure([&] { return parse_csv<T>(text, separator, "file", options); });
  }
};
TYPED_TEST_SUITE(Csv, Precisions);

const Rows kExpected{{1, 2.5, 3}, {4, 0, 1000}};
const std::string kNamesOfRows = " (names of rows have an empty field above them in the first line)";

TYPED_TEST(Csv, Rows) {
  const auto m = parse_csv<TypeParam>("1,2.5,3\n4,0,1e3\n", ',', "file");
  EXPECT_EQ(m.layout, Layout::row_major);
  EXPECT_EQ(m.values, (std::vector<TypeParam>{1, 2.5, 3, 4, 0, 1000}));
  EXPECT_EQ(rows_of(m), kExpected);
  EXPECT_EQ(this->rows("7"), (Rows{{7}}));
  EXPECT_EQ(this->rows("1\n2\n3"), (Rows{{1}, {2}, {3}}));
}

TYPED_TEST(Csv, WhatTheFormatLeavesFree) {
  EXPECT_EQ(this->rows("1,2.5,3\n4,0,1e3"), kExpected) << "no newline at the end";
  EXPECT_EQ(this->rows("1,2.5,3\r\n4,0,1e3\r\n"), kExpected);
  EXPECT_EQ(this->rows("\xEF\xBB\xBF"
                       "1,2.5,3\n4,0,1e3\n"),
            kExpected);
  EXPECT_EQ(this->rows("\n1,2.5,3\n\n  \r\n4,0,1e3\n\n"), kExpected) << "blank lines";
  EXPECT_EQ(this->rows(" 1 ,\t2.5,3 \n4\t, 0,1e3\n"), kExpected);
  EXPECT_EQ(this->rows("\"1\",\" 2.5 \",3\n\"4\",0,\"1e3\"\n"), kExpected);
  EXPECT_EQ(this->rows("+1,+2.5,3.\n4,.0,+1E+3\n"), kExpected);
  EXPECT_EQ(this->rows("1\t2.5\t3\n4\t0\t1e3\n", '\t'), kExpected);
  EXPECT_EQ(this->rows("1;2.5;3\n4;0;1e3\n", ';'), kExpected);
}

TYPED_TEST(Csv, HeadersAreSkipped) {
  for (const char* header : {"a,b,c", "\"a\",\"b\",\"c\"", "\"a, b\",\"c \"\"d\"\", e\",f", "a,,c", " x y , 1z,%",
                             "Gr\xc3\xb6\xc3\x9f"
                             "e,b,c"}) {
    EXPECT_EQ(this->rows(std::string(header) + "\n1,2.5,3\n4,0,1e3\n"), kExpected) << header;
    EXPECT_EQ(this->rows("\xEF\xBB\xBF" + std::string(header) + "\r\n1,2.5,3\r\n4,0,1e3\r\n"), kExpected) << header;
  }
  EXPECT_EQ(this->rows("a\tb,c\td\n1\t2.5\t3\n4\t0\t1e3\n", '\t'), kExpected);
}

// As pandas' to_csv and R's write.csv write tables.
TYPED_TEST(Csv, NamesOfRowsAreSkipped) {
  EXPECT_EQ(this->rows(",a,b,c\n0,1,2.5,3\n1,4,0,1e3\n"), kExpected);
  EXPECT_EQ(this->rows("\"\",\"a\",\"b\",\"c\"\n\"1\",1,2.5,3\n\"2\",4,0,1e3\n"), kExpected);
  EXPECT_EQ(this->rows(",a,b,c\r\nx,1,2.5,3\r\n\"y, z\",4,0,1e3\r\n"), kExpected);
  EXPECT_EQ(this->rows("\ta\tb\tc\nx\t1\t2.5\t3\n\t4\t0\t1e3\n", '\t'), kExpected);
  EXPECT_EQ(this->rows(",0,1,2\n0,1,2.5,3\n1,4,0,1e3\n"), kExpected) << "pandas' columns without names";
  EXPECT_EQ(this->rows(",0\n0,7\n1,8\n"), (Rows{{7}, {8}}));
  EXPECT_EQ(this->fails(",a,b\nx,1,2\ny,3\n"), at_line(3, "2 fields, expected 3"));
  EXPECT_EQ(this->fails(",a,b\nx,1,y\n"), at_line(2, "field 3 is 'y', expected a number"));
  EXPECT_EQ(this->fails(",1990,1991\n0,1,2\n"), at_line(1, "field 1 is empty, expected a number"));
  EXPECT_EQ(this->fails(",a,b\n"), at_line(1, "the file has no row of numbers"));
}

// A named index of pandas, and R's write.table, which has no field above the names.
TYPED_TEST(Csv, NamesOfRowsThatHaveANameOrNone) {
  EXPECT_EQ(this->rows("gene,a,b,c\nx,1,2.5,3\n\"y, z\",4,0,1e3\n"), kExpected);
  EXPECT_EQ(this->rows("gene,a,b,c\nx,1,2.5,3\n,4,0,1e3\n"), kExpected) << "an empty name";
  EXPECT_EQ(this->rows("gene,0,1,2\nx,1,2.5,3\nNA,4,0,1e3\n"), kExpected);
  EXPECT_EQ(this->rows("gene,0,1,2\n7,1,2.5,3\n8,4,0,1e3\n"), kExpected) << "numbered columns are three";
  EXPECT_EQ(this->rows("\"V1\",\"V2\",\"V3\"\n\"1\",1,2.5,3\n\"2\",4,0,1e3\n"), kExpected);
  EXPECT_EQ(this->rows("V1\tV2\tV3\nx\t1\t2.5\t3\n2\t4\t0\t1e3\n", '\t'), kExpected);
  EXPECT_EQ(this->rows("id,a,b\n1,2.5,3\n4,0,1e3\n"), kExpected) << "numbers under a name are a column";
  EXPECT_EQ(this->fails("gene,a,b\nx,1,2\n3,4,5\n"),
            at_line(3, "field 1 is '3', expected no number, as in the rows before" + kNamesOfRows));
  EXPECT_EQ(this->fails("gene,a,b\n1,1,2\nx,4,5\n"), at_line(3, "field 1 is 'x', expected a number" + kNamesOfRows));
  // What may be a missing entry is no name.
  EXPECT_EQ(this->fails("a,b\n,1\n2,3\n"), at_line(2, "field 1 is empty, expected a number"));
  EXPECT_EQ(this->fails("a,b\nNA,1\n2,3\n"), at_line(2, "field 1 is 'NA', expected a number"));
  EXPECT_EQ(this->fails("V1,V2\nx,1,2\ny,3\n"), at_line(3, "2 fields, expected 3"));
  EXPECT_EQ(this->fails("V1,V2\nx,1,2,3\n"), at_line(2, "field 1 is 'x', expected a number" + kNamesOfRows));
  EXPECT_EQ(this->fails("V1,V2\n0,1,2,3\n"), at_line(2, "4 fields, expected 2"));
  EXPECT_EQ(this->fails("V1,V2\n0,1,2\n", ',', {.missing_hint = {}, .short_header = false}),
            at_line(2, "3 fields, expected 2"));
}

// As pandas' to_csv(index=False) heads columns that have no names.
TYPED_TEST(Csv, AFirstLineThatCountsTheColumns) {
  const auto read = [](std::string_view text) { return parse_csv<TypeParam>(text, ',', "file"); };
  EXPECT_EQ(rows_of(read("0,1,2\n1,2.5,3\n4,0,1e3\n")), kExpected);
  EXPECT_TRUE(read("0,1,2\n1,2.5,3\n4,0,1e3\n").skipped.counted);
  EXPECT_TRUE(read("\"0\",\"1\"\r\n\r\n7,8\r\n").skipped.counted);
  for (const char* text : {"0,1,2\n", "0,1,2\n\n \r\n", "0\n5\n3\n", "0,1,3\n1,2,3\n", "1,2,3\n4,5,6\n",
                           "0,1.0,2\n4,5,6\n", "a,b,c\n0,1,2\n3,4,5\n", ",0,1\n0,5,6\n"})
    EXPECT_FALSE(read(text).skipped.counted) << text;
  EXPECT_EQ(this->rows("0,1,2\n\n"), (Rows{{0, 1, 2}})) << "a header has rows below";
  EXPECT_EQ(this->rows("0\n5\n3\n"), (Rows{{0}, {5}, {3}})) << "one number counts nothing";
  EXPECT_EQ(this->rows("0,1,3\n1,2,3\n"), (Rows{{0, 1, 3}, {1, 2, 3}}));
  EXPECT_EQ(this->rows("a,b,c\n0,1,2\n3,4,5\n"), (Rows{{0, 1, 2}, {3, 4, 5}})) << "below a header";
  EXPECT_EQ(this->fails("0,1\n3,4,5\n"), at_line(2, "3 fields, expected 2"));
}

TYPED_TEST(Csv, WhatIsSkippedIsTold) {
  const auto skipped = [](std::string_view text, HeaderLine header = HeaderLine::automatic) {
    const ReadOptions options{.missing_fields = false, .missing_hint = {}, .header = header};
    const SkippedNames names = parse_csv<TypeParam>(text, ',', "file", options).skipped;
    return std::string(names.of_columns ? "columns " : "") + (names.of_rows ? "rows" : "");
  };
  EXPECT_EQ(skipped("1,2\n3,4\n"), "");
  EXPECT_EQ(skipped("a,b\n3,4\n"), "columns ");
  EXPECT_EQ(skipped("0,1\n3,4\n"), "columns ");
  EXPECT_EQ(skipped("0,1\n3,4\n", HeaderLine::no), "");
  EXPECT_EQ(skipped("1,2\n3,4\n", HeaderLine::yes), "columns ");
  for (const char* text : {",a,b\n1,3,4\n", "a,b\n1,3,4\n", "who,a,b\nx,3,4\n", "who,0,1\n2,3,4\n", "A title\n3,4\n"})
    EXPECT_EQ(skipped(text), "columns rows") << text;
}

TYPED_TEST(Csv, LinesOfRowsAreTold) {
  const auto lines = [](std::string_view text) {
    const auto m = parse_csv<TypeParam>(text, ',', "file");
    std::vector<std::int64_t> all;
    for (std::int64_t i = 0; i < m.rows; ++i) all.push_back(m.line_of(i).value());
    return all;
  };
  EXPECT_EQ(lines("1,2\n3,4\n"), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(lines("\na,b\n1,2\n3,4\n\n\n5,6\n7,8\n \n9,1"), (std::vector<std::int64_t>{3, 4, 7, 8, 10}));
  EXPECT_FALSE(DenseData<TypeParam>{}.line_of(0).has_value());
}

TYPED_TEST(Csv, WhetherThereIsAHeaderMayBeSaid) {
  const Rows all{{0, 1, 2}, {3, 4, 5}}, last{{3, 4, 5}};
  const std::string text = "0,1,2\n3,4,5\n";
  EXPECT_EQ(this->rows(text, HeaderLine::automatic), last);
  EXPECT_EQ(this->rows(text, HeaderLine::words), all);
  EXPECT_EQ(this->rows(text, HeaderLine::no), all);
  EXPECT_EQ(this->rows(text, HeaderLine::yes), last);
  EXPECT_EQ(this->rows("400,410.5,421\n3,4,5\n", HeaderLine::yes), last) << "names that are numbers";
  EXPECT_EQ(this->rows(",1990,1991,1992\n7,3,4,5\n", HeaderLine::yes), last);
  EXPECT_EQ(this->rows("1990,1991,1992\nx,3,4,5\n", HeaderLine::yes), last);
  EXPECT_EQ(this->rows(",0,1,2\n7,3,4,5\n", HeaderLine::words), last);
  const ReadOptions none{.missing_fields = false, .missing_hint = {}, .header = HeaderLine::no};
  EXPECT_EQ(this->fails("a,b\n1,2\n", ',', none), at_line(1, "field 1 is 'a', expected a number" + kNamesOfRows));
  const ReadOptions some{.missing_fields = false, .missing_hint = {}, .header = HeaderLine::yes};
  EXPECT_EQ(this->fails("1,2\n", ',', some), at_line(1, "the file has no row of numbers"));
  EXPECT_EQ(this->fails("\"\"\n\n", ',', some), at_line(2, "the file has no row of numbers"));
}

TYPED_TEST(Csv, MissingFields) {
  const ReadOptions missing{.missing_fields = true, .missing_hint = {}};
  const auto read = [&](std::string_view text) { return parse_csv<TypeParam>(text, ',', "file", missing); };
  const auto holes = [&](std::string_view text) {
    std::string out;
    for (const TypeParam value : read(text).values) out += std::isnan(value) ? '?' : '1';
    return out;
  };
  EXPECT_EQ(holes("1,,1\nNA,1,nan\n\"\",\"na\",NaN\n1, ,\n"),
            "1?1?1????"
            "1??");
  EXPECT_EQ(holes("a,b\n,1\n1,NA\n"), "?11?");
  EXPECT_EQ(holes("NA,\n1,1\n"), "??11") << "no header";
  EXPECT_EQ(holes(",a,b\nNA,1,1\nx,,1\n"), "11?1") << "names of rows";
  EXPECT_EQ(holes(",0,1\n0,1,\n1,,1\n"), "1??1") << "pandas' columns without names";
  EXPECT_EQ(holes(",1,1\n1,1,1\n"), "?11111");
  EXPECT_EQ(holes("NA,0,1\n1,1,1\n"), "?11111");
  EXPECT_EQ(holes("gene,b\nx,NA\n,1\n"), "?1") << "names of rows under a name";
  EXPECT_EQ(this->fails("1,2\n3,x\n", ',', missing), at_line(2, "field 2 is 'x', expected a number"));
  const ReadOptions hint{.missing_fields = false, .missing_hint = ", or so"};
  EXPECT_EQ(this->fails("1,2\n3,\n", ',', hint), at_line(2, "field 2 is empty, expected a number, or so"));
  EXPECT_EQ(this->fails("1,2\nna,3\n", ',', hint), at_line(2, "field 1 is 'na', expected a number, or so"));
  EXPECT_EQ(this->fails("1,2\nx,3\n", ',', hint), at_line(2, "field 1 is 'x', expected a number" + kNamesOfRows));
}

TYPED_TEST(Csv, WhatIsNotFiniteIsReadAsItIs) {
  const auto values = parse_csv<TypeParam>("1,inf,-inf,nan", ',', "file").values;
  EXPECT_EQ(values[1], std::numeric_limits<TypeParam>::infinity());
  EXPECT_EQ(values[2], -std::numeric_limits<TypeParam>::infinity());
  EXPECT_TRUE(std::isnan(values[3]));
}

TYPED_TEST(Csv, FieldsThatAreRefused) {
  EXPECT_EQ(this->fails("1,2\n3,\n"), at_line(2, "field 2 is empty, expected a number"));
  EXPECT_EQ(this->fails("1,2\n,4\n"), at_line(2, "field 1 is empty, expected a number"));
  EXPECT_EQ(this->fails("a,b\n\n1,\"\"\n"), at_line(3, "field 2 is '\"\"', expected a number"));
  EXPECT_EQ(this->fails("1,2\r\n3,x\r\n"), at_line(2, "field 2 is 'x', expected a number"));
  EXPECT_EQ(this->fails("a,2\n3,4\n"), at_line(1, "field 1 is 'a', expected a number" + kNamesOfRows));
  EXPECT_EQ(this->fails("1,2\na,b\n"), at_line(2, "field 1 is 'a', expected a number" + kNamesOfRows));
  EXPECT_EQ(this->fails("a\nc\n1\n"), at_line(2, "field 1 is 'c', expected a number"));
  EXPECT_EQ(this->fails("a,b\nc,d\n1,2\n"), at_line(2, "field 2 is 'd', expected a number"));
  for (const char* field : {"1 2", "1.2.3", "0x1", "1e", "--1", "+-1", "-+1", "1,5\"", "\"1\"2", "1_000"}) {
    if (std::string_view(field).find(',') != std::string_view::npos) continue;
    EXPECT_EQ(this->fails(std::string("1,2\n3,") + field + "\n"),
              at_line(2, std::string("field 2 is '") + field + "', expected a number"));
  }
  EXPECT_EQ(this->fails("1,2\n3,\"4\n"), at_line(2, "field 2 has a quote that is not closed, expected '\"'"));
  EXPECT_EQ(this->fails("\"a,b\nc\",d\n1,2\n"), at_line(1, "field 1 has a quote that is not closed, expected '\"'"));
  EXPECT_EQ(this->fails("1\t2\n\t\n", '\t'), at_line(2, "field 1 is empty, expected a number"));
  EXPECT_EQ(this->fails(",\n1,2\n"), at_line(1, "field 1 is empty, expected a number"));
  EXPECT_EQ(this->fails("NA,NA\n1,2\n"), at_line(1, "field 1 is 'NA', expected a number"));
  EXPECT_EQ(this->fails("1,2\n3," + std::string(100, 'x')),
            at_line(2, "field 2 is '" + std::string(40, 'x') + "...', expected a number"));
  EXPECT_EQ(this->fails("1,2\n3,\x1b[2J\n"), at_line(2, "field 2 is '?[2J', expected a number"));
}

TYPED_TEST(Csv, NumbersTooLargeAreRefused) {
  const std::string precision = sizeof(TypeParam) == 4 ? "single precision" : "double precision";
  EXPECT_EQ(this->fails("1,2\n3,-1e999\n"),
            at_line(2, "field 2 is '-1e999', too large, expected what " + precision + " holds"));
  EXPECT_EQ(this->fails("1e999\n1\n"),
            at_line(1, "field 1 is '1e999', too large, expected what " + precision + " holds"));
}

TYPED_TEST(Csv, RaggedRows) {
  EXPECT_EQ(this->fails("1,2\n3,4,5\n"), at_line(2, "3 fields, expected 2"));
  EXPECT_EQ(this->fails("1,2\n\n3\n"), at_line(3, "1 fields, expected 2"));
  EXPECT_EQ(this->fails("a,b,c\n1,2\n"), at_line(2, "2 fields, expected 3"));
  EXPECT_EQ(this->fails("1;2\n3;4\n"), at_line(2, "field 1 is '3;4', expected a number"));
}

TYPED_TEST(Csv, NoRows) {
  EXPECT_EQ(this->fails(""), at_line(1, "the file has no row of numbers"));
  EXPECT_EQ(this->fails("\n\n"), at_line(2, "the file has no row of numbers"));
  EXPECT_EQ(this->fails("a,b\n"), at_line(1, "the file has no row of numbers"));
}

}  // namespace
}  // namespace orthant::io
