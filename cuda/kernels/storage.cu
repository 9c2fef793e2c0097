#include "cuda/kernels/storage.hpp"

#include "cuda/kernels/observed.cuh"
#include "cuda/launch.hpp"

// X in one element type made into X in another.
namespace orthant::cuda {
namespace {

constexpr int kThreads = 64;

// function(place in memory of an entry, its line, its place in the line, its number)
template <class Function>
__device__ void for_each_entry(std::int64_t lines, std::int64_t length, std::int64_t ld, const Function& function) {
  const std::int64_t size = lines * length, step = static_cast<std::int64_t>(gridDim.x) * kThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < size; i += step) {
    const std::int64_t line = i / length, place = i % length;
    function(line * ld + place, line, place, i);
  }
}

template <class U, class T>
__device__ void convert_from(const void* source, std::int64_t lines, std::int64_t length, std::int64_t ld, T* target) {
  const device::Global<const U> in = static_cast<const U*>(source);
  const device::Global<T> out = target;
  for_each_entry(lines, length, ld, [&](std::int64_t at, std::int64_t, std::int64_t, std::int64_t i) {
    out[i] = static_cast<T>(static_cast<U>(in[at]));
  });
}

template <class T>
__global__ void __launch_bounds__(kThreads) converted(core::ElementType type, const void* in, std::int64_t lines,
                                                      std::int64_t length, std::int64_t ld, T* out) {
  using core::ElementType;
  switch (type) {
    case ElementType::int8:
      return convert_from<std::int8_t>(in, lines, length, ld, out);
    case ElementType::int16:
      return convert_from<std::int16_t>(in, lines, length, ld, out);
    case ElementType::int32:
      return convert_from<std::int32_t>(in, lines, length, ld, out);
    case ElementType::int64:
      return convert_from<std::int64_t>(in, lines, length, ld, out);
    case ElementType::uint8:
      return convert_from<std::uint8_t>(in, lines, length, ld, out);
    case ElementType::uint16:
      return convert_from<std::uint16_t>(in, lines, length, ld, out);
    case ElementType::uint32:
      return convert_from<std::uint32_t>(in, lines, length, ld, out);
    case ElementType::uint64:
      return convert_from<std::uint64_t>(in, lines, length, ld, out);
    case ElementType::float32:
      return convert_from<float>(in, lines, length, ld, out);
    case ElementType::float64:
      return convert_from<double>(in, lines, length, ld, out);
  }
}

template <class T, class S>
__global__ void __launch_bounds__(kThreads)
    nearest(const T* source, core::Observed<T> observed, std::int64_t lines, std::int64_t length, std::int64_t ld,
            std::int64_t first, std::int64_t all, bool by_place, S* target, unsigned long long* first_invalid) {
  const device::Global<const T> in = source;
  const device::Global<S> out = target;
  for_each_entry(lines, length, ld, [&](std::int64_t at, std::int64_t line, std::int64_t place, std::int64_t i) {
    const T value = in[at];
    S element{};
    const bool counts = observed.complete() || weight_of(observed, value, line, place) > 0;
    if (counts && !to_element(value, element)) {
      const std::int64_t number = by_place ? place * all + first + line : (first + line) * length + place;
      device::atomic_min(first_invalid, static_cast<unsigned long long>(number));
    }
    out[i] = element;
  });
}

}  // namespace

template <class T>
void convert_lines(const Gpu& gpu, core::ElementType type, const void* in, std::int64_t lines, std::int64_t length,
                   std::int64_t ld, T* out) {
  launch(gpu, "conversion of X", converted<T>, grid_size(gpu, lines * length, kThreads), kThreads, 0, type, in, lines,
         length, ld, out);
}

template <class T, class S>
void narrow_lines(const Gpu& gpu, const T* in, std::int64_t ld, const core::Observed<T>& observed, std::int64_t lines,
                  std::int64_t length, std::int64_t first, std::int64_t all, bool by_place, S* out,
                  unsigned long long* first_invalid) {
  launch(gpu, "narrowing of X", nearest<T, S>, grid_size(gpu, lines * length, kThreads), kThreads, 0, in, observed,
         lines, length, ld, first, all, by_place, out, first_invalid);
}

#define ORTHANT_INSTANTIATE_NARROW(T, S)                                                                               \
  template void narrow_lines(const Gpu&, const T*, std::int64_t, const core::Observed<T>&, std::int64_t, std::int64_t, \
                             std::int64_t, std::int64_t, bool, S*, unsigned long long*);
#define ORTHANT_INSTANTIATE(T)                                                                                      \
  template void convert_lines(const Gpu&, core::ElementType, const void*, std::int64_t, std::int64_t, std::int64_t, \
                              T*);                                                                                  \
  ORTHANT_INSTANTIATE_NARROW(T, std::uint8_t)                                                                       \
  ORTHANT_INSTANTIATE_NARROW(T, Fp16)                                                                               \
  ORTHANT_INSTANTIATE_NARROW(T, Bf16)
ORTHANT_INSTANTIATE(float)
ORTHANT_INSTANTIATE(double)

}  // namespace orthant::cuda
