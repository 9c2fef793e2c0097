#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/workloads.hpp"

namespace orthant::cli {

/// The workloads of --scale FILE.json; the help of `orthant bench` documents it.
/// @throws FileError naming the file and the place in it
std::vector<bench::Workload> read_workloads(const std::string& path);

/// The same of what a file holds. @param path its name, for the message
std::vector<bench::Workload> workloads_of(const nlohmann::json& json, const std::string& path);

}  // namespace orthant::cli
