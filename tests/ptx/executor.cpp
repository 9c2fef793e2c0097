// Makes the rig run kernels from PTX: a program that has this file does so if the environment variable ORTHANT_PTX
// names a folder of .ptx files.

#include "tests/ptx/executor.hpp"

#include <cxxabi.h>

#include <cctype>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <regex>
#include <set>

#include "tests/ptx/machine.hpp"
#include "tests/simt/conditions.hpp"
#include "tests/simt/rig.hpp"
#include "tests/simt/symbols.hpp"

namespace ptx {
namespace {

// nvcc gives each unnamed namespace a name of its own, the compiler of the host gives all the same.
std::string common_name(std::string symbol) {
  const std::string kUnnamed = "_GLOBAL__N_";
  for (std::size_t at = 0; (at = symbol.find(kUnnamed, at)) != std::string::npos;) {
    std::size_t digits = at;
    while (digits > 0 && std::isdigit(static_cast<unsigned char>(symbol[digits - 1])) != 0) --digits;
    const std::size_t length = std::stoul(symbol.substr(digits, at - digits));
    const std::string name = "12_GLOBAL__N_1";
    symbol.replace(digits, at - digits + length, name);
    at = digits + name.size();
  }
  return symbol;
}

std::string readable(const std::string& symbol) {
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, nullptr),
                                                    std::free);
  return name == nullptr ? symbol : name.get();
}

// The same kernel for double, as readable() names it.
std::string of_double(const std::string& name) { return std::regex_replace(name, std::regex("\\bfloat\\b"), "double"); }

template <class T>
T value_of(const std::vector<std::byte>& bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

void call_external(const std::string& name, const std::vector<std::vector<std::byte>>& arguments) {
  if (name != "cudaGraphSetConditional") throw Error(name + ": not known to the executor");
  simt::Condition* const condition = simt::find_condition(value_of<cudaGraphConditionalHandle>(arguments[0]));
  if (condition == nullptr) throw Error(name + ": no such handle");
  condition->value = value_of<unsigned>(arguments[1]);
}

class Kernels {
 public:
  explicit Kernels(const std::filesystem::path& folder) : folder_(folder) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() != ".ptx") continue;
      const std::shared_ptr<Module> module = load(entry.path());
      for (const auto& [name, function] : module->kernels) kernels_[common_name(name)].push_back({module, function});
    }
  }

  void operator()(const simt::KernelCall& call) {
    const std::string symbol = simt::symbol_of(call.function);
    const Kernel& kernel = find(symbol);
    {
      const std::lock_guard lock(mutex_);
      launched_.insert(symbol);
    }
    run({*kernel.module, *kernel.function, call.grid, call.block, call.shared_bytes, call.arguments, simt::on_device,
         call_external});
  }

  std::vector<std::string> never_launched() {
    const std::lock_guard lock(mutex_);
    std::set<std::string> all;
    for (const auto& [symbol, kernels] : kernels_) all.insert(readable(symbol));
    std::vector<std::string> names;
    for (const auto& [symbol, kernels] : kernels_) {
      const std::string name = readable(symbol), stands_for_it = of_double(name);
      if (launched_.count(symbol) == 0 && (stands_for_it == name || all.count(stands_for_it) == 0)) {
        names.push_back(name);
      }
    }
    return names;
  }

 private:
  struct Kernel {
    std::shared_ptr<Module> module;
    const Function* function;
  };

  const Kernel& find(const std::string& symbol) const {
    const auto found = kernels_.find(symbol);
    if (found == kernels_.end()) throw Error("kernel " + symbol + ": not in the PTX files of " + folder_.string());
    if (found->second.size() > 1) throw Error("kernel " + symbol + ": in several PTX files of " + folder_.string());
    return found->second.front();
  }

  std::filesystem::path folder_;
  std::map<std::string, std::vector<Kernel>> kernels_;
  std::mutex mutex_;
  std::set<std::string> launched_;
};

// Read at the first use, when all that reading needs exists.
Kernels& kernels() {
  static Kernels all(std::getenv("ORTHANT_PTX"));
  return all;
}

[[maybe_unused]] const bool kInstalled = [] {
  if (std::getenv("ORTHANT_PTX") == nullptr) return false;
  simt::set_kernel_executor([](const simt::KernelCall& call) {
    try {
      kernels()(call);
    } catch (const Error& error) {
      simt::fault(error.what());
    }
  });
  return true;
}();

}  // namespace

std::vector<std::string> never_launched() { return kernels().never_launched(); }

}  // namespace ptx
