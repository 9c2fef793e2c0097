#include "host/cli/device.hpp"

#include <limits>

#include "host/cli/option_types.hpp"
#include "orthant/error.hpp"

namespace orthant::cli {

std::string Device::text() const {
  switch (kind) {
    case Kind::automatic:
      return "auto";
    case Kind::cpu:
      return "cpu";
    case Kind::cuda:
      break;
  }
  return "cuda:" + std::to_string(index);
}

Device parse_device(const std::string& text) {
  const std::string prefix = "cuda:";
  if (text == "auto") return {};
  if (text == "cpu") return {Device::Kind::cpu, 0};
  if (text == "cuda") return {Device::Kind::cuda, 0};
  if (text.starts_with(prefix)) {
    const auto index =
        parse_integer("the N of --device cuda:N", text.substr(prefix.size()), 0, std::numeric_limits<int>::max());
    return {Device::Kind::cuda, static_cast<int>(index)};
  }
  throw UsageError("--device is '" + text + "', expected one of auto, cpu, cuda, cuda:N");
}

Context make_context(const Device& device, int threads, Fallback* fallback, MathMode math) {
  CpuConfig cpu;
  cpu.threads = threads;
  CudaConfig cuda;
  cuda.device = device.index;
  cuda.math = math;
  switch (device.kind) {
    case Device::Kind::cpu:
      return Context::cpu(cpu);
    case Device::Kind::cuda:
      return Context::cuda(cuda);
    case Device::Kind::automatic:
      break;
  }
  Fallback why;
  try {
    return Context::cuda(cuda);
  } catch (const BackendUnavailable& e) {
    why = {e.what(), false};
  } catch (const CudaError& e) {
    why = {e.what(), true};
  } catch (const OutOfMemory& e) {
    why = {e.what(), true};
  }
  if (fallback != nullptr) *fallback = why;
  return Context::cpu(cpu);
}

std::string readable_device(const Context& context) {
  const std::string device = context.device();
  return device.starts_with("AVX3") ? "AVX-512 (" + device + ")" : device;
}

}  // namespace orthant::cli
