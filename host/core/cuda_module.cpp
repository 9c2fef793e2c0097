#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "host/core/runtime.hpp"
#include "orthant/cuda.hpp"
#include "orthant/version.hpp"

// The CUDA backend is a module of its own, loaded when it is first asked for: cuBLAS and cuSPARSE take a second and
// hundreds of megabytes to load, which a process that runs on the CPU should not pay.
namespace orthant::core {
namespace {

constexpr const char* kModule = "liborthant_cuda.so";

struct Module {
  void* handle;
  std::string file;
};

// Beside this library (or the executable that it is linked into), in a lib folder next to that, or where the dynamic
// linker looks. ORTHANT_CUDA_MODULE names one file instead.
Module open_module() {
  std::vector<std::string> candidates;
  if (const char* named = std::getenv("ORTHANT_CUDA_MODULE")) {
    candidates = {named};
  } else {
    // Without a driver there is nothing to load the module for.
    void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (driver == nullptr)
      throw BackendUnavailable("cuda", "no NVIDIA driver is installed (libcuda.so.1 is missing); use Context::cpu()");
    dlclose(driver);
    Dl_info self;
    if (dladdr(reinterpret_cast<const void*>(&version), &self) != 0 && self.dli_fname != nullptr) {
      const std::filesystem::path folder = std::filesystem::path(self.dli_fname).parent_path();
      for (const auto& place : {folder / kModule, folder / ".." / "lib" / kModule}) {
        std::error_code ignored;
        if (std::filesystem::exists(place, ignored)) candidates.push_back(place.string());
      }
    }
    candidates.push_back(kModule);
  }
  std::string reason;
  for (const std::string& candidate : candidates) {
    if (void* handle = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL)) return {handle, candidate};
    if (reason.empty()) reason = dlerror();
  }
  throw BackendUnavailable("cuda", "its module cannot be loaded: " + reason + "; use Context::cpu()");
}

using Make = void (*)(const CudaConfig&, std::shared_ptr<Runtime>&);

Make load() {
  const Module module = open_module();
  const auto* built_for = static_cast<const char* const*>(dlsym(module.handle, "orthant_cuda_module_version"));
  const auto make = reinterpret_cast<Make>(dlsym(module.handle, "orthant_make_cuda_runtime"));
  if (built_for == nullptr || make == nullptr) {
    throw BackendUnavailable("cuda", module.file + " was found, but is not a module of Orthant; use Context::cpu()");
  }
  if (std::string(*built_for) != version()) {
    throw BackendUnavailable("cuda", "its module, " + module.file + ", is of version " + *built_for +
                                         ", the library of " + version() + "; use Context::cpu()");
  }
  return make;
}

}  // namespace

std::shared_ptr<Runtime> make_cuda_runtime(const CudaConfig& config) {
  static const Make make = load();  // tried again after a failure
  std::shared_ptr<Runtime> runtime;
  make(config, runtime);
  return runtime;
}

}  // namespace orthant::core
