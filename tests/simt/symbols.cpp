#include "tests/simt/symbols.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "tests/simt/sanitizers.hpp"

namespace simt {
namespace {

/// The module that has the address, and the address as the module's file has it.
std::string file_of(const void* address, std::uintptr_t& in_file) {
  Dl_info info{};
  link_map* module = nullptr;
  if (dladdr1(address, &info, reinterpret_cast<void**>(&module), RTLD_DL_LINKMAP) == 0) return {};
  sanitizer::mark_initialised(&info, sizeof info);  // the memory sanitizer does not know dladdr1
  sanitizer::mark_initialised(&module, sizeof module);
  sanitizer::mark_initialised(module, sizeof *module);
  in_file = reinterpret_cast<std::uintptr_t>(address) - module->l_addr;
  // Not the name of the link map, which is empty for the program itself.
  std::string name;
  for (const char* c = info.dli_fname; sanitizer::mark_initialised(c, 1), *c != '\0'; ++c) name += *c;
  return name;
}

/// Functions by address from the table that the linker leaves for debuggers.
using Functions = std::map<std::uintptr_t, std::string>;

Functions read_functions(const std::string& path) {
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  std::vector<char> file(stream ? static_cast<std::size_t>(stream.tellg()) : 0);
  stream.seekg(0).read(file.data(), static_cast<std::streamsize>(file.size()));
  Functions functions;
  Elf64_Ehdr header;
  if (file.size() < sizeof header) return functions;
  std::memcpy(&header, file.data(), sizeof header);
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  std::memcpy(sections.data(), file.data() + header.e_shoff, sections.size() * sizeof(Elf64_Shdr));
  for (const Elf64_Shdr& section : sections) {
    if (section.sh_type != SHT_SYMTAB) continue;
    const char* const names = file.data() + sections[section.sh_link].sh_offset;
    for (std::size_t at = 0; at < section.sh_size; at += sizeof(Elf64_Sym)) {
      Elf64_Sym symbol;
      std::memcpy(&symbol, file.data() + section.sh_offset + at, sizeof symbol);
      if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC) functions[symbol.st_value] = names + symbol.st_name;
    }
  }
  return functions;
}

std::mutex mutex;

}  // namespace

std::string symbol_of(const void* function) {
  static auto* const modules = new std::map<std::string, Functions>;
  std::uintptr_t address = 0;
  const std::string path = file_of(function, address);
  if (path.empty()) return {};
  const std::lock_guard lock(mutex);
  auto found = modules->find(path);
  if (found == modules->end()) found = modules->emplace(path, read_functions(path)).first;
  const auto symbol = found->second.find(address);
  return symbol == found->second.end() ? std::string() : symbol->second;
}

std::string kernel_name(const void* function) {
  const std::string symbol = symbol_of(function);
  const std::unique_ptr<char, decltype(&std::free)> demangled(
      abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, nullptr), &std::free);
  if (demangled == nullptr) return symbol.empty() ? "(unknown)" : symbol;
  std::string name;
  for (const char* c = demangled.get(); sanitizer::mark_initialised(c, 1), *c != '\0'; ++c) name += *c;
  if (name.rfind("void ", 0) == 0) name.erase(0, 5);
  for (std::size_t at; (at = name.find("(anonymous namespace)::")) != std::string::npos;) name.erase(at, 23);
  int depth = 0;  // of template arguments, which may have parentheses of their own
  std::size_t end = 0;
  for (; end < name.size() && (depth > 0 || name[end] != '('); ++end) {
    depth += name[end] == '<' ? 1 : name[end] == '>' ? -1 : 0;
  }
  return name.substr(0, end);
}

std::string locate(const void* code) {
  std::uintptr_t address = 0;
  const std::string path = file_of(code, address);
  if (path.empty()) return "code of no module";
  char command[4096];
  std::snprintf(command, sizeof command, "addr2line -Cfip -e '%s' %#llx 2>/dev/null", path.c_str(),
                static_cast<unsigned long long>(address));
  std::string text;
  if (FILE* const tool = popen(command, "r")) {
    char line[1024];
    while (std::fgets(line, sizeof line, tool) != nullptr) text += line;
    pclose(tool);
  }
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (char& c : text) c = c == '\n' ? ';' : c;
  return text.empty() ? path : text;
}

}  // namespace simt
