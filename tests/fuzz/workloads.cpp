// The lists of workloads that `orthant bench --scale FILE.json` reads: what they promise, or an error that names the
// file.

#include "host/cli/errors.hpp"
#include "host/cli/json_file.hpp"
#include "host/cli/workload_file.hpp"
#include "tests/fuzz/property.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace orthant;
  try {
    for (const bench::Workload& w : cli::workloads_of(cli::parse_json(fuzz::text(data, size), "input"), "input")) {
      if (w.rows < 1 || w.columns < 1 || w.rank < 1) fuzz::fail("a size below 1");
      if (w.sparse() && w.nonzeros > w.rows * w.columns) fuzz::fail("more nonzeros than entries");
    }
  } catch (const cli::FileError& e) {
    if (!std::string_view(e.what()).starts_with("input:")) fuzz::fail(std::string("no file is named: ") + e.what());
    if (std::string_view(e.what()).size() > 8 * size + 300) fuzz::fail("a message longer than its cause");
  }
  return 0;
}
