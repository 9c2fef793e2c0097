#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "tests/io/io_test.hpp"
#include "tests/io/npy_writer.hpp"
#include "tests/io/zip_writer.hpp"

namespace orthant::io {
namespace {

namespace fs = std::filesystem;

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "orthant_io.XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    fs::permissions(folder_, fs::perms::owner_all);
    fs::remove_all(folder_);
  }

  std::string path(const std::string& name) const { return folder_ / name; }
  std::string put(const std::string& name, const std::string& contents) const {
    std::ofstream(path(name), std::ios::binary) << contents;
    return path(name);
  }
  static std::string get(const std::string& path) {
    std::ostringstream out;
    out << std::ifstream(path, std::ios::binary).rdbuf();
    return out.str();
  }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(folder_)) out.push_back(entry.path().filename());
    std::sort(out.begin(), out.end());
    return out;
  }

  fs::path folder_;
};

// .npy is read from the file piece by piece; what comes of it is that of its bytes.
TEST_F(Files, NumPyFilesAsFromMemory) {
  std::vector<double> numbers(20'000);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<double>(i);
  const std::string doubles = npy(npy_header("<f8", "(200, 100)"), raw(numbers));
  const auto same = [&](const std::string& bytes) {
    const std::string file = put("x.npy", bytes);
    EXPECT_EQ(failure([&] { return parse_npy<float>(bytes, file); }), failure([&] { return read_npy<float>(file); }));
    EXPECT_EQ(failure([&] { return parse_npy<double>(bytes, file); }), failure([&] { return read_npy<double>(file); }));
  };
  for (const std::string& bytes : {doubles, npy(npy_header(">f8", "(200, 100)", true), raw(numbers, true)),
                                   npy(npy_header("<f8", "(200, 100)") + std::string(5000, ' '), raw(numbers))}) {
    same(bytes);
    EXPECT_EQ(rows_of(read_npy<float>(put("x.npy", bytes))), rows_of(parse_npy<float>(bytes, "file")));
    EXPECT_EQ(rows_of(read_npy<double>(put("x.npy", bytes))), rows_of(parse_npy<double>(bytes, "file")));
    EXPECT_EQ(rows_of(read_npy<double>(put("x.npy.gz", gzip(bytes)))), rows_of(parse_npy<double>(bytes, "file")));
  }
  numbers[19'999] = 1e300;
  for (const std::string& bytes :
       {std::string(), std::string("x"), doubles.substr(0, 50), doubles.substr(0, doubles.size() - 1), doubles + "x",
        npy(npy_header("<f8", "(20000,)"), raw(numbers)), npy(npy_header("<f8", "(0, 3)"), ""),
        npy(npy_header("<c8", "(200, 100)"), raw(numbers)), npy(npy_header("<f8", "(200, 100)"), raw(numbers))}) {
    same(bytes);
  }
}

TEST_F(Files, BytesAreRead) {
  const std::string bytes("1\0\xff\r\n2", 6);
  EXPECT_EQ(read_bytes(put("a", bytes)), bytes);
  EXPECT_EQ(read_bytes(put("empty", "")), "");
  const std::string large(3'000'000, 'x');
  EXPECT_EQ(read_bytes(put("large", large)), large);
  EXPECT_EQ(read_bytes(put("large.gz", gzip(large))), large);
  EXPECT_EQ(names(), (std::vector<std::string>{"a", "empty", "large", "large.gz"})) << "no temporary files";
}

TEST_F(Files, OnlyTheNameSaysGzip) {
  const std::string zipped = gzip("1,2\n");
  EXPECT_EQ(read_bytes(put("a.csv", zipped)), zipped);
  const std::string plain = put("b.csv.gz", "1,2\n");
  EXPECT_EQ(failure([&] { return read_bytes(plain); }).what,
            plain + ": byte 2: not a sound gzip file: incorrect header check");
}

TEST_F(Files, PipesAreRead) {
  const std::string pipe = path("pipe"), text(200'000, 'y');
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(pipe) << text; });
  EXPECT_EQ(read_bytes(pipe), text);
  writer.join();
}

TEST_F(Files, WhatCannotBeReadIsNamed) {
  EXPECT_EQ(failure([&] { return read_bytes(path("none")); }),
            (Failure{path("none") + ": cannot be opened: No such file or directory"}));
  EXPECT_EQ(failure([&] { return read_bytes(folder_); }),
            (Failure{folder_.string() + ": byte 0: cannot be read: Is a directory", -1, 0}));
  try {
    read_bytes(path("none"));
    ADD_FAILURE();
  } catch (const IoError& e) {
    EXPECT_EQ(e.file(), path("none"));
    EXPECT_NE(std::string(e.where().file).find("input_file.cpp"), std::string::npos);
  }
}

TEST_F(Files, BytesAreWritten) {
  const std::string bytes("1\0\xff\r\n2", 6);
  write_bytes(path("a"), bytes);
  EXPECT_EQ(get(path("a")), bytes);
  write_bytes(path("a"), "");
  EXPECT_EQ(get(path("a")), "");
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

TEST_F(Files, PermissionsAreThoseOfNewFiles) {
  const mode_t before = umask(0027);
  write_bytes(path("a"), "1");
  umask(before);
  struct stat status {};
  ASSERT_EQ(stat(path("a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

// Who has the file open goes on reading the old contents: it is replaced, not overwritten.
TEST_F(Files, WritingReplacesAtomically) {
  std::ifstream reader(put("a", "old contents"));
  write_bytes(path("a"), "new");
  std::ostringstream read;
  read << reader.rdbuf();
  EXPECT_EQ(read.str(), "old contents");
  EXPECT_EQ(get(path("a")), "new");
}

TEST_F(Files, SomebodyElsesTemporaryFileStays) {
  const std::string other = "a." + std::to_string(getpid()) + "-0.tmp";
  put(other, "other");
  write_bytes(path("a"), "1");
  EXPECT_EQ(get(path("a")), "1");
  EXPECT_EQ(get(path(other)), "other");
  EXPECT_EQ(names().size(), 2u);
}

TEST_F(Files, FailedWritesLeaveNothing) {
  const auto fails = [&](const std::string& name) {
    return failure([&] {
      write_bytes(path(name), "1");
      return 0;
    });
  };
  EXPECT_EQ(fails("none/a"), (Failure{path("none/a") + ": cannot be written: No such file or directory"}));
  put("file", "1");
  EXPECT_EQ(fails("file/a"), (Failure{path("file/a") + ": cannot be written: Not a directory"}));
  fs::create_directory(path("folder"));
  EXPECT_EQ(fails("folder"), (Failure{path("folder") + ": cannot be written: Is a directory"}));
  EXPECT_EQ(names(), (std::vector<std::string>{"file", "folder"}));
  EXPECT_TRUE(fs::is_empty(path("folder")));
}

// A device or a pipe must not become a regular file.
TEST_F(Files, WhatIsNoRegularFileIsWrittenTo) {
  const std::string pipe = path("pipe"), text(200'000, 'y');
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  fs::create_symlink("pipe", path("link"));
  for (const char* name : {"pipe", "link"}) {
    std::string read;
    std::thread reader([&] { read = read_bytes(pipe); });
    write_bytes(path(name), text);
    reader.join();
    EXPECT_EQ(read, text) << name;
  }
  EXPECT_TRUE(fs::is_fifo(pipe) && fs::is_symlink(path("link")));
  EXPECT_EQ(names(), (std::vector<std::string>{"link", "pipe"}));
}

TEST_F(Files, LinksStay) {
  fs::create_directory(path("folder"));
  const std::string target = put("folder/a", "old");
  fs::create_symlink("folder/a", path("link"));
  write_bytes(path("link"), "new");
  EXPECT_EQ(get(target), "new");
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(names(), (std::vector<std::string>{"folder", "link"}));
}

TEST_F(Files, ReadOnlyFoldersAreNamed) {
  put("a", "old");
  using fs::perms;
  fs::permissions(folder_, perms::owner_read | perms::owner_exec | perms::others_read | perms::others_exec);
  const bool root = geteuid() == 0;  // may write everywhere: become nobody
  if (root) {
    ASSERT_EQ(seteuid(65534), 0);
  }
  const Failure f = failure([&] {
    write_bytes(path("a"), "1");
    return 0;
  });
  if (root) {
    ASSERT_EQ(seteuid(0), 0);
  }
  EXPECT_EQ(f, (Failure{path("a") + ": cannot be written: Permission denied"}));
  EXPECT_EQ(get(path("a")), "old");
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

TEST_F(Files, WritesThatBreakOffLeaveNothing) {
  struct rlimit limit {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  put("a", "old");
  struct rlimit small = limit;
  small.rlim_cur = 1000;
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Failure f = failure([&] {
    write_bytes(path("a"), std::string(5000, 'x'));
    return 0;
  });
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  signal(SIGXFSZ, handler);
  EXPECT_EQ(f, (Failure{path("a") + ": cannot be written: File too large"}));
  EXPECT_EQ(get(path("a")), "old");
  EXPECT_EQ(names(), std::vector<std::string>{"a"});
}

TEST_F(Files, FormatsAreToldByTheName) {
  const std::string mtx = "%%MatrixMarket matrix array real general\n1 2\n3\n4\n";
  const std::vector<float> values{3, 4};
  const std::string npy = npy_bytes<float>(row_major(values.data(), 1, 2));
  const std::vector<std::pair<std::string, std::string>> files{
      {"x.mtx", mtx}, {"x.npy", npy}, {"x.csv", "3,4\n"}, {"x.tsv", "3\t4\n"}};
  for (const auto& [name, contents] : files) {
    EXPECT_EQ(rows_of(read_matrix<float>(put(name, contents))), (Rows{{3, 4}})) << name;
    EXPECT_EQ(rows_of(read_matrix<double>(put(name + ".gz", gzip(contents)))), (Rows{{3, 4}})) << name;
  }
  for (const char* name : {"x.txt", "x", "mtx", "x.npz.gz", "x.gz", "x.MTX"}) {
    const std::string file = put(name, "");
    EXPECT_EQ(failure([&] { return read_matrix<float>(file); }),
              (Failure{file + ": the name tells no known format, expected .mtx, .npy, .csv, .tsv (each also with .gz) "
                              "or .npz"}));
  }
  EXPECT_EQ(failure([&] { return read_matrix<float>(put("bad.csv.gz", gzip("1\nx\n"))); }),
            (Failure{path("bad.csv.gz") + ":2: field 1 is 'x', expected a number", 2}));
}

}  // namespace
}  // namespace orthant::io
