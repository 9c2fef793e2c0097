#include "host/cli/versions.hpp"

#include <hwy/highway.h>

#include <Eigen/Core>
#include <fstream>
#include <regex>
#include <string>

#include "bench/device.hpp"
#include "orthant/version.hpp"

namespace orthant::cli {
namespace {

std::string dotted(int major, int minor, int patch) {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

std::string compiler() {
#ifdef __clang__
  return "clang " + dotted(__clang_major__, __clang_minor__, __clang_patchlevel__);
#else
  return "gcc " + dotted(__GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#endif
}

}  // namespace

nlohmann::ordered_json versions() {
  return {{"orthant", version()},
          {"compiler", compiler()},
          {"openmp", std::to_string(_OPENMP)},  // the month of the specification
          {"eigen", dotted(EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION)},
          {"highway", dotted(HWY_MAJOR, HWY_MINOR, HWY_PATCH)}};
}

nlohmann::ordered_json versions(const Context& context) {
  nlohmann::ordered_json all = versions();
  for (const auto& [name, version] : bench::library_versions(context)) all[name] = version;
  return all;
}

nlohmann::ordered_json cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    std::smatch model;
    if (std::regex_match(line, model, std::regex(R"(model name\s*:\s*(.*\S)\s*)"))) return model[1].str();
  }
  return nullptr;
}

nlohmann::ordered_json nvidia_driver() {
  std::ifstream file("/proc/driver/nvidia/version");
  std::string line;
  std::getline(file, line);
  std::smatch number;
  if (!std::regex_search(line, number, std::regex(R"(\b\d+(\.\d+)+\b)"))) return nullptr;
  return number.str();
}

}  // namespace orthant::cli
