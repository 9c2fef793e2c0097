#include "tests/simt/grid.hpp"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "tests/simt/block.hpp"
#include "tests/simt/faults.hpp"

namespace simt {
namespace {

class Workers {
 public:
  Workers() {
    for (unsigned i = 0; i < kWorkers; ++i) threads_[i] = std::thread([this, i] { work(i); });
  }
  ~Workers() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    for (std::condition_variable& wake : wake_) wake.notify_one();
    for (std::thread& thread : threads_) thread.join();
  }

  void run(Launch& launch) {
    const dim3 grid = launch.call.grid;
    const std::uint64_t blocks = std::uint64_t{grid.x} * grid.y * grid.z;
    std::unique_lock lock(mutex_);
    launch_ = &launch;
    blocks_ = blocks;
    ++generation_;
    busy_ = blocks < kWorkers ? static_cast<unsigned>(blocks) : kWorkers;
    for (unsigned i = 0; i < busy_; ++i) wake_[i].notify_one();
    done_.wait(lock, [this] { return busy_ == 0; });
    launch_ = nullptr;
  }

 private:
  void work(unsigned self) {
    catch_faults_of_this_thread();
    const auto block = std::make_unique<Block>();
    std::uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_[self].wait(lock, [&] { return stop_ || (generation_ != seen && self < blocks_); });
      if (stop_) return;
      seen = generation_;
      Launch& launch = *launch_;
      const std::uint64_t blocks = blocks_;
      lock.unlock();
      run_share(*block, launch, self, blocks);
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  static void run_share(Block& block, Launch& launch, std::uint64_t self, std::uint64_t blocks) {
    const dim3 grid = launch.call.grid;
    for (std::uint64_t i = self; i < blocks && !launch.failed; i += kWorkers) {
      const auto x = static_cast<unsigned>(i % grid.x);
      const auto y = static_cast<unsigned>(i / grid.x % grid.y);
      const auto z = static_cast<unsigned>(i / grid.x / grid.y);
      if (!block.run(launch, {x, y, z})) launch.failed = true;
    }
    block.end_share();
  }

  std::mutex mutex_;
  std::condition_variable wake_[kWorkers], done_;
  Launch* launch_ = nullptr;
  std::uint64_t blocks_ = 0, generation_ = 0;
  unsigned busy_ = 0;
  bool stop_ = false;
  std::thread threads_[kWorkers];
};

}  // namespace

void run_grid(Launch& launch) {
  static Workers workers;
  workers.run(launch);
}

}  // namespace simt
