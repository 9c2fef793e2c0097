#include "host/io/gzip.hpp"

#include <random>

#include "tests/io/io_test.hpp"
#include "tests/io/zip_writer.hpp"

namespace orthant::io {
namespace {

Failure fails(const std::string& bytes) {
  return failure([&] { return inflate_gzip(bytes, "file"); });
}

std::string random_text(std::size_t size) {
  std::mt19937 random(3);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>('0' + random() % 10);
  return text;
}

TEST(Gzip, Inflates) {
  for (const std::string& text :
       {std::string(), std::string("1 2 3\n"), std::string(3'000'000, 'x'), random_text(500'000)}) {
    EXPECT_EQ(inflate_gzip(gzip(text), "file"), text);
  }
}

TEST(Gzip, MembersFollowEachOther) {
  const std::string text = random_text(100'000);
  EXPECT_EQ(inflate_gzip(gzip("1,2\n") + gzip("") + gzip(text) + gzip("3,4"), "file"), "1,2\n" + text + "3,4");
}

TEST(Gzip, ZeroBytesMayFollow) { EXPECT_EQ(inflate_gzip(gzip("1,2\n") + std::string(512, '\0'), "file"), "1,2\n"); }

TEST(Gzip, WhatEndsEarlyIsRefused) {
  const std::string bytes = gzip(random_text(1000));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(fails(bytes.substr(0, size)), at_byte(static_cast<std::int64_t>(size), "the gzip file ends early"));
    const std::string two = bytes + bytes.substr(0, size);
    if (size > 0) {
      EXPECT_EQ(fails(two), at_byte(static_cast<std::int64_t>(two.size()), "the gzip file ends early"));
    }
  }
}

TEST(Gzip, WhatIsNotGzipIsRefused) {
  EXPECT_EQ(fails("1,2\n"), at_byte(2, "not a sound gzip file: incorrect header check"));
  const std::string bytes = gzip("1,2\n3,4\n");
  const Failure behind = fails(bytes + "5,6\n");
  EXPECT_EQ(behind,
            at_byte(static_cast<std::int64_t>(bytes.size()) + 2, "not a sound gzip file: incorrect header check"));
}

TEST(Gzip, DamageIsFound) {
  const std::string text = random_text(1000), bytes = gzip(text);
  for (std::size_t i = 10; i < bytes.size(); ++i) {  // the first 10 bytes hold a time and such
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    // The bits that fill the last byte of the compressed data mean nothing.
    if (fails(damaged).what == "did not fail") {
      EXPECT_EQ(i, bytes.size() - 9);
      EXPECT_EQ(inflate_gzip(damaged, "file"), text);
    }
  }
  std::string checksum = bytes, length = bytes;
  ++checksum[bytes.size() - 8];
  ++length[bytes.size() - 1];
  EXPECT_EQ(fails(checksum).what.substr(fails(checksum).what.find("not")),
            "not a sound gzip file: incorrect data check");
  EXPECT_EQ(fails(length).what.substr(fails(length).what.find("not")), "not a sound gzip file: incorrect length check");
}

}  // namespace
}  // namespace orthant::io
