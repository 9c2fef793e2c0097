#include "tests/ptx/kernels/operations.hpp"

using ptx_test::kFloatingResults;
using ptx_test::kIntegerResults;

template <class T>
__global__ void integers(const T* a, const T* b, T* out) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  ptx_test::integer_operations(a[i], b[i], out + i * kIntegerResults);
}
template __global__ void integers(const std::int32_t*, const std::int32_t*, std::int32_t*);
template __global__ void integers(const std::uint32_t*, const std::uint32_t*, std::uint32_t*);
template __global__ void integers(const std::int64_t*, const std::int64_t*, std::int64_t*);
template __global__ void integers(const std::uint64_t*, const std::uint64_t*, std::uint64_t*);

template <class T>
__global__ void floats(const T* a, const T* b, T* out) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  ptx_test::floating_operations(a[i], b[i], out + i * kFloatingResults);
}
template __global__ void floats(const float*, const float*, float*);
template __global__ void floats(const double*, const double*, double*);

template <class T>
__device__ void functions(T a, T b, T* out) {
  out[0] = fma(a, b, T(3));
  out[1] = sqrt(a);
  out[2] = fmin(a, b);
  out[3] = fmax(a, b);
  out[4] = fabs(a);
  out[5] = T(isfinite(a)) + 2 * T(isnan(a)) + 4 * T(isinf(a)) + 8 * T(signbit(a));
  out[6] = copysign(a, b);
  out[7] = floor(a);
  out[8] = ceil(a);
  out[9] = trunc(a);
  out[10] = rint(a);
  out[11] = 1 / a;
}
extern "C" __global__ void functions_float(const float* a, const float* b, float* out) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  functions(a[i], b[i], out + i * 12);
}
extern "C" __global__ void functions_double(const double* a, const double* b, double* out) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  functions(a[i], b[i], out + i * 12);
}

// Of mathematics whose code uses approximations and other roundings.
template <class T>
__device__ void transcendental(T a, T b, T* out) {
  out[0] = exp(a);
  out[1] = log(b);
  out[2] = pow(b, a);
  out[3] = rsqrt(b);
}
extern "C" __global__ void transcendental_float(const float* a, const float* b, float* out) {
  transcendental(a[threadIdx.x], b[threadIdx.x], out + threadIdx.x * 4);
}
extern "C" __global__ void transcendental_double(const double* a, const double* b, double* out) {
  transcendental(a[threadIdx.x], b[threadIdx.x], out + threadIdx.x * 4);
}

// Intermediate results are rounded up, down, and towards zero.
extern "C" __global__ void roundings(const float* a, const float* b, float* out) {
  const float x = a[threadIdx.x], y = b[threadIdx.x];
  float* o = out + threadIdx.x * 8;
  o[0] = __fadd_rd(x, y);
  o[1] = __fadd_ru(x, y);
  o[2] = __fmul_rz(x, y);
  o[3] = __fmaf_ru(x, y, 1.0F);
  o[4] = __fdiv_rd(x, y);
  o[5] = static_cast<float>(__double2int_ru(x));
  o[6] = static_cast<float>(__float2int_rn(x));
  o[7] = static_cast<float>(__double2ll_rd(y));
}

extern "C" __global__ void bits(const unsigned* a, const unsigned* b, unsigned* out) {
  const unsigned x = a[threadIdx.x], y = b[threadIdx.x];
  const unsigned long long w = (static_cast<unsigned long long>(x) << 32) | y;
  unsigned* o = out + threadIdx.x * 16;
  o[0] = __popc(x);
  o[1] = __clz(static_cast<int>(x));
  o[2] = __brev(x);
  o[3] = __ffs(static_cast<int>(x));
  o[4] = __popcll(w);
  o[5] = __clzll(static_cast<long long>(w));
  o[6] = static_cast<unsigned>(__brevll(w) >> 7);
  o[7] = __byte_perm(x, y, y & 0x7777);
  o[8] = __funnelshift_l(x, y, y);
  o[9] = __funnelshift_r(x, y, y);
  o[10] = __umulhi(x, y);
  o[11] = static_cast<unsigned>(__mulhi(static_cast<int>(x), static_cast<int>(y)));
  o[12] = static_cast<unsigned>(__umul64hi(w, w) >> 32);
  o[13] = (x & 0xFF) | (y << 8);
  o[14] = (x & y) ^ (x | ~y) ^ 0x5A5A5A5A;
  o[15] = static_cast<unsigned>(static_cast<int>(x << 5) >> 20);
}

// Sums and products of twice the bits of a register.
extern "C" __global__ void wide(const unsigned long long* a, const unsigned long long* b, unsigned long long* out) {
  const unsigned __int128 x = (static_cast<unsigned __int128>(a[threadIdx.x]) << 64) | b[threadIdx.x];
  const unsigned __int128 y = static_cast<unsigned __int128>(b[threadIdx.x]) * 0xFFFFFFFFFFFFFFF1ULL;
  const unsigned __int128 sum = x + y, difference = x - y, product = x * y;
  out[threadIdx.x * 3] = static_cast<unsigned long long>(sum >> 64);
  out[threadIdx.x * 3 + 1] = static_cast<unsigned long long>(difference >> 64);
  out[threadIdx.x * 3 + 2] = static_cast<unsigned long long>(product >> 64);
}
