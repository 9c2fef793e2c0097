#include "tests/simt/traffic.hpp"

#include <algorithm>
#include <mutex>
#include <set>
#include <utility>

#include "tests/simt/block.hpp"

namespace simt {
namespace {

constexpr std::uintptr_t kSector = 32;
constexpr unsigned kBanks = 32, kWord = 4;

struct Kernels {
  std::mutex mutex;
  std::map<std::string, Traffic> by_name;
};

Kernels& kernels() {
  static auto* const all = new Kernels;
  return *all;
}

std::int64_t sectors(const std::uintptr_t* addresses, unsigned lanes, std::size_t bytes) {
  std::set<std::uintptr_t> touched;
  for (unsigned i = 0; i < lanes; ++i) {
    for (auto s = addresses[i] / kSector; s <= (addresses[i] + bytes - 1) / kSector; ++s) touched.insert(s);
  }
  return static_cast<std::int64_t>(touched.size());
}

/// A bank gives one word a turn; lanes that want the same word share it. Wide accesses go in parts of 128 bytes.
void count_conflicts(const std::uintptr_t* addresses, unsigned lanes, std::size_t bytes, Traffic& sum) {
  const auto words = static_cast<unsigned>(std::max<std::size_t>(bytes / kWord, 1));
  const unsigned at_once = std::max(kBanks / words, 1U);
  for (unsigned first = 0; first < lanes; first += at_once) {
    std::set<std::uintptr_t> of_bank[kBanks];
    for (unsigned i = first; i < std::min(first + at_once, lanes); ++i) {
      for (unsigned w = 0; w < words; ++w) {
        const std::uintptr_t word = addresses[i] / kWord + w;
        of_bank[word % kBanks].insert(word);
      }
    }
    std::size_t turns = 1;
    for (const auto& bank : of_bank) turns = std::max(turns, bank.size());
    sum.bank_conflicts += static_cast<std::int64_t>(turns) - 1;
    sum.conflict_ways = std::max(sum.conflict_ways, static_cast<std::int64_t>(turns));
  }
}

}  // namespace

Traffic& Traffic::operator+=(const Traffic& other) {
  launches += other.launches;
  blocks += other.blocks;
  barriers += other.barriers;
  bytes_read += other.bytes_read;
  bytes_written += other.bytes_written;
  sectors_read += other.sectors_read;
  sectors_written += other.sectors_written;
  shared_accesses += other.shared_accesses;
  bank_conflicts += other.bank_conflicts;
  conflict_ways = std::max(conflict_ways, other.conflict_ways);
  atomics += other.atomics;
  fences += other.fences;
  return *this;
}

std::map<std::string, Traffic> traffic() {
  const std::lock_guard lock(kernels().mutex);
  return kernels().by_name;
}

void reset_traffic() {
  const std::lock_guard lock(kernels().mutex);
  kernels().by_name.clear();
}

void add_traffic(const std::string& kernel, const Traffic& change) {
  const std::lock_guard lock(kernels().mutex);
  kernels().by_name[kernel] += change;
}

void count_access(Space space, const void* address, std::size_t bytes, bool write, Site site) {
  Block& block = *current_block();
  block.accesses().add(block.thread(), space, address, bytes, write, site);
}

void count_atomic() { ++current_block()->accesses().sum.atomics; }
void count_fence() { ++current_block()->accesses().sum.fences; }

std::size_t AccessCounter::Hash::operator()(const Place& place) const {
  std::size_t hash = reinterpret_cast<std::uintptr_t>(place.file);
  for (const std::size_t part : {static_cast<std::size_t>(place.line), static_cast<std::size_t>(place.occurrence),
                                 static_cast<std::size_t>(place.space), static_cast<std::size_t>(place.write)}) {
    hash = (hash ^ part) * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 29;
  }
  return hash;
}

void AccessCounter::add(unsigned thread, Space space, const void* address, std::size_t bytes, bool write, Site site) {
  any_[thread / 32] = true;
  Place place{site.file, site.line, space, write, 0};
  place.occurrence = of_thread_[thread][place]++;
  Access& access = of_warp_[thread / 32][place];
  access.bytes = bytes;
  access.addresses[access.lanes++] = reinterpret_cast<std::uintptr_t>(address);
}

void AccessCounter::flush() {
  for (unsigned warp = 0; warp < 32; ++warp) flush(warp);
}

void AccessCounter::flush(unsigned warp) {
  if (!std::exchange(any_[warp], false)) return;
  for (const auto& [place, access] : of_warp_[warp]) count(place, access);
  of_warp_[warp].clear();
  for (unsigned lane = 0; lane < 32; ++lane) of_thread_[32 * warp + lane].clear();
}

void AccessCounter::count(const Place& place, const Access& access) {
  if (place.space == Space::kShared) {
    ++sum.shared_accesses;
    count_conflicts(access.addresses, access.lanes, access.bytes, sum);
    return;
  }
  (place.write ? sum.bytes_written : sum.bytes_read) += static_cast<std::int64_t>(access.lanes * access.bytes);
  (place.write ? sum.sectors_written : sum.sectors_read) += sectors(access.addresses, access.lanes, access.bytes);
}

}  // namespace simt
