#include <cstdio>
#include <new>

#include "host/io/gzip.hpp"
#include "tests/io/io_test.hpp"
#include "tests/io/limited_memory.hpp"
#include "tests/io/npy_writer.hpp"
#include "tests/io/zip_writer.hpp"

namespace orthant::io {
namespace {

template <class Call>
std::size_t peak(Call&& call) {
  const LimitedMemory memory(std::size_t{1} << 30);
  (void)call();
  return memory.peak();
}

// Small files that promise much are refused before memory is taken for it.
TEST(Memory, PromisesTakeNone) {
  const std::string header = "%%MatrixMarket matrix ";
  for (const std::string& text :
       {header + "coordinate real general\n2000000000 2000000000 1000000000000\n1 1 1\n",
        header + "coordinate pattern symmetric\n2000000000 2000000000 4000000000000000000\n1 1\n",
        header + "coordinate real general\n2000000000 2000000000 2\n1 1 1.0000000\n",
        header + "coordinate real general\n2000000000 2000000000 1\n1 x 1.0000000\n",
        header + "array real general\n2000000000 2000000000\n1\n",
        header + "array real symmetric\n2000000000 2000000000\n1\n"}) {
    EXPECT_LT(peak([&] { return failure([&] { return parse_matrix_market<double>(text, "file"); }).what; }), 10'000u);
  }
  const std::string npy_bytes = npy(npy_header("<f8", "(2000000000, 2000000000)"), "12345678");
  EXPECT_LT(peak([&] { return failure([&] { return parse_npy<double>(npy_bytes, "file"); }).what; }), 10'000u);
}

// What the header promises is what there is: entries take a few times the bytes of their text.
TEST(Memory, IsBoundedByTheFile) {
  std::string entries = "%%MatrixMarket matrix coordinate real general\n1000 1000 100000\n", array = "1", csv = "1";
  for (int i = 0; i < 100'000; ++i)
    entries += std::to_string(1 + i % 1000) + " " + std::to_string(1 + i / 100) + " 1\n";
  for (int i = 0; i < 100'000; ++i) csv += ",1";
  EXPECT_LT(peak([&] { return parse_matrix_market<double>(entries, "file"); }), 8 * entries.size());
  EXPECT_LT(peak([&] { return parse_csv<double>(csv, ',', "file"); }), 40 * csv.size());
  const std::string blank = "%%MatrixMarket matrix coordinate real general\n1000 1000 0\n" + std::string(100'000, '\n');
  EXPECT_LT(peak([&] { return parse_matrix_market<double>(blank, "file"); }), 5 * blank.size());
  const std::string zeros = gzip(std::string(10'000'000, '\0'));
  EXPECT_LT(peak([&] { return inflate_gzip(zeros, "file"); }), 40'000'000u);
}

// The bytes of a .npy file are never in memory together, whatever its type.
TEST(Memory, NumPyFilesAreReadInPlace) {
  const std::string path = testing::TempDir() + "orthant_memory.npy";
  const std::vector<float> single(1'000'000, 1);
  const std::vector<double> wide(1'000'000, 1);
  for (const std::string& bytes :
       {npy(npy_header("<f4", "(1000, 1000)"), raw(single)), npy(npy_header("<f8", "(1000, 1000)"), raw(wide)),
        npy(npy_header(">f4", "(1000, 1000)", true), raw(single, true))}) {
    write_bytes(path, bytes);
    EXPECT_LT(peak([&] { return read_matrix<float>(path); }), sizeof(float) * single.size() + 100'000);
  }
  std::remove(path.c_str());
}

// Rows that have no entries are the one thing that takes memory and no room in the file.
TEST(Memory, WhatCannotBeHadIsAnError) {
  const std::string zeros = gzip(std::string(20'000'000, '\0'));
  const LimitedMemory memory(std::size_t{1} << 24);
  const std::string text = "%%MatrixMarket matrix coordinate real general\n2147483647 1 1\n1 1 1\n";
  EXPECT_THROW(parse_matrix_market<float>(text, "file"), std::bad_alloc);
  const std::string npz = zip({{"format.npy", npy(npy_header("|S3", "()"), "coo")},
                               {"shape.npy", npy(npy_header("<i8", "(2,)"), raw<std::int64_t>({2147483647, 1}))},
                               {"data.npy", npy(npy_header("<f8", "(1,)"), raw<double>({1}))},
                               {"row.npy", npy(npy_header("<i8", "(1,)"), raw<std::int64_t>({7}))},
                               {"col.npy", npy(npy_header("<i8", "(1,)"), raw<std::int64_t>({0}))}});
  EXPECT_THROW(parse_npz<float>(npz, "file"), std::bad_alloc);
  EXPECT_THROW(inflate_gzip(zeros, "file"), std::bad_alloc);
}

// Threads that run out of memory say so to the caller, whatever else is wrong with the file.
TEST(Memory, ThreadsRunOutOfIt) {
  std::string text = "%%MatrixMarket matrix coordinate pattern general\n9 9 100000\n";
  for (int i = 0; i < 100'000; ++i) text += "1 1\n";
  const LimitedMemory memory(200'000);
  EXPECT_THROW(parse_matrix_market<double>(text, "file"), std::bad_alloc);
}

}  // namespace
}  // namespace orthant::io
