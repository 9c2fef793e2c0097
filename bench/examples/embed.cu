// A GPU application that calls Orthant between kernels of its own: on its stream, from its memory pool, on data that
// never leaves the device, and without waiting for any of it.

#include <cuda_runtime.h>
#include <orthant/orthant.hpp>

#include <cstdio>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>

namespace {

void check(cudaError_t code, const char* call) {
  if (code != cudaSuccess) throw std::runtime_error(std::string(call) + ": " + cudaGetErrorString(code));
}

// Puts any stream-ordered resource behind Orthant's two methods. rmm::device_async_resource_ref and the resources of
// cuda::mr have the same calls: `Adapter<rmm::device_async_resource_ref>
// memory(rmm::mr::get_current_device_resource())`.
template <class Resource>
class Adapter final : public orthant::DeviceMemoryResource {
 public:
  explicit Adapter(Resource resource) : resource_(resource) {}
  void* allocate(std::size_t bytes, std::size_t alignment, CUstream_st* stream) override {
    return resource_.allocate_async(bytes, alignment, stream);
  }
  void deallocate(void* pointer, std::size_t bytes, std::size_t alignment, CUstream_st* stream) noexcept override {
    resource_.deallocate_async(pointer, bytes, alignment, stream);
  }

 private:
  Resource resource_;
};

// The application's own.
struct Pool {
  void* allocate_async(std::size_t bytes, std::size_t, cudaStream_t stream) {
    void* pointer = nullptr;
    if (cudaMallocAsync(&pointer, bytes, stream) != cudaSuccess) throw std::bad_alloc();
    return pointer;
  }
  void deallocate_async(void* pointer, std::size_t, std::size_t, cudaStream_t stream) {
    cudaFreeAsync(pointer, stream);
  }
};

constexpr int kRows = 2000, kColumns = 1000, kRank = 16;

// X is made on the device: here a mixture of two ramps.
__global__ void make_x(float* x) {
  const int i = blockIdx.y, j = blockIdx.x * blockDim.x + threadIdx.x;
  if (j < kColumns) x[i * kColumns + j] = static_cast<float>(i % 97) * j + static_cast<float>(j % 31) * i;
}

// W is used on the device: here the strongest component of each row is picked.
__global__ void pick(const float* w, int* strongest) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= kRows) return;
  int best = 0;
  for (int c = 1; c < kRank; ++c) best = w[i * kRank + c] > w[i * kRank + best] ? c : best;
  strongest[i] = best;
}

void run() {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  Pool pool;
  Adapter<Pool> memory(pool);
  {
    orthant::CudaConfig config;
    config.stream = stream;
    config.memory = &memory;
    const orthant::Context context = orthant::Context::cuda(config);
    auto* x = static_cast<float*>(pool.allocate_async(sizeof(float) * kRows * kColumns, 256, stream));
    auto* w = static_cast<float*>(pool.allocate_async(sizeof(float) * kRows * kRank, 256, stream));
    auto* h = static_cast<float*>(pool.allocate_async(sizeof(float) * kRank * kColumns, 256, stream));
    auto* strongest = static_cast<int*>(pool.allocate_async(sizeof(int) * kRows, 256, stream));
    make_x<<<dim3((kColumns + 255) / 256, kRows), 256, 0, stream>>>(x);
    check(cudaGetLastError(), "make_x");

    using orthant::Layout;
    using orthant::MemorySpace;
    const orthant::Matrix<float> matrix(  // looks at X once, and waits for what it finds
        context, orthant::DenseView<const float>{x, kRows, kColumns, kColumns, Layout::row_major, MemorySpace::device});
    orthant::Options options;
    options.initialization = orthant::Initialization::random;
    const orthant::Pending pending = orthant::factorize_async<float>(
        matrix, {w, kRows, kRank, kRank, Layout::row_major, MemorySpace::device},
        {h, kRank, kColumns, kRank, Layout::column_major, MemorySpace::device}, options);
    pick<<<(kRows + 255) / 256, 256, 0, stream>>>(w, strongest);  // after the fit, by the order of the stream
    check(cudaGetLastError(), "pick");
    const orthant::Result result = pending.get();
    std::printf("relative error %g after %d iterations on %s\n", result.relative_error, result.iterations,
                context.device().c_str());
    for (void* pointer :
         {static_cast<void*>(x), static_cast<void*>(w), static_cast<void*>(h), static_cast<void*>(strongest)}) {
      pool.deallocate_async(pointer, 0, 0, stream);
    }
  }
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");  // and what the kernels before it came to
  check(cudaStreamDestroy(stream), "cudaStreamDestroy");
}

}  // namespace

int main() {
  try {
    run();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
