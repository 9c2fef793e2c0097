#pragma once

#include <string>

namespace simt {

/// The mangled name of a function, of one that is not exported too; empty if its module's file has no symbols.
std::string symbol_of(const void* function);
/// The name of a kernel as reports and counts have it: demangled, without result and parameters.
std::string kernel_name(const void* function);

/// "function at file:line" of an instruction, if the module has debug information.
std::string locate(const void* code);

}  // namespace simt
