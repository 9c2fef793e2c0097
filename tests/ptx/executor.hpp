#pragma once

#include <string>
#include <vector>

namespace ptx {

/// The kernels of the folder ORTHANT_PTX that this process has not launched, but for those of float of which there is
/// one of double too, which stands for both.
std::vector<std::string> never_launched();

}  // namespace ptx
