#include "host/core/buffer.hpp"

#include <unistd.h>

namespace orthant::core {

std::int64_t free_memory() {
  const long pages = sysconf(_SC_AVPHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  return pages < 0 || size < 0 ? -1 : static_cast<std::int64_t>(pages) * size;
}

}  // namespace orthant::core
