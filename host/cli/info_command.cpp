#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "host/cli/device.hpp"
#include "host/cli/exit_code.hpp"
#include "host/cli/json_file.hpp"
#include "host/cli/subcommand.hpp"
#include "host/cli/versions.hpp"
#include "host/cli/wording.hpp"
#include "orthant/error.hpp"

namespace orthant::cli {
namespace {

using Json = nlohmann::ordered_json;

Json backend_as_json(const Device& device) {
  try {
    const Context context = make_context(device, 0);
    Json backend{{"available", true}, {"device", readable_device(context)}};
    if (context.threads() > 0) backend["threads"] = context.threads();
    return backend;
  } catch (const Error& e) {  // also a device that is broken, busy or full
    return {{"available", false}, {"reason", in_options(e.what())}};
  }
}

Json describe() {
  return {{"backends",
           {{"cpu", backend_as_json({Device::Kind::cpu, 0})}, {"cuda", backend_as_json({Device::Kind::cuda, 0})}}},
          {"cores", std::thread::hardware_concurrency()},
          {"versions", versions()}};
}

void print(const Json& info) {
  std::cout << "Backends\n";
  for (const auto& [name, backend] : info["backends"].items()) {
    std::cout << "  " << name << std::string(8 - name.size(), ' ');
    if (backend["available"]) {
      std::cout << backend["device"].get<std::string>();
      if (backend.contains("threads")) std::cout << ", " << backend["threads"] << " threads";
      std::cout << "\n";
    } else {
      std::cout << backend["reason"].get<std::string>() << "\n";
    }
  }
  std::cout << "Cores\n  " << info["cores"] << "\nVersions\n";
  for (const auto& [name, version] : info["versions"].items())
    std::cout << "  " << name << std::string(10 - name.size(), ' ') << version.get<std::string>() << "\n";
}

}  // namespace

Subcommand add_info(CLI::App& command) {
  CLI::App* app = command.add_subcommand("info", "Tell backends, threads, instruction set and versions");
  const auto json = std::make_shared<bool>(false);
  app->add_flag("--json", *json,
                "As JSON: backends (for each: available, device and the CPU's threads, or reason), cores, versions");
  return {app, [json] {
            const Json info = describe();
            if (*json)
              std::cout << written(info);
            else
              print(info);
            return static_cast<int>(kSuccess);
          }};
}

}  // namespace orthant::cli
