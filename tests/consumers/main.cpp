// An outside user of the library: all public functions in both precisions.
#include <orthant/orthant.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

void expect(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what);
  std::exit(1);
}

template <class T>
void use(const orthant::Context& context) {
  const std::vector<T> x = {1, 0, 2, 0, 3, 0, 2, 0, 4};
  const orthant::Matrix<T> dense(context, orthant::row_major(x.data(), 3, 3));
  const std::vector<std::int64_t> offsets = {0, 2, 3, 5};
  const std::vector<std::int32_t> indices = {0, 2, 1, 0, 2};
  const std::vector<T> values = {1, 2, 3, 2, 4};
  const orthant::Matrix<T> sparse(
      context, orthant::CsrView<T>{3, 3, 5, offsets.data(), indices.data(), values.data(), orthant::MemorySpace::host});

  std::vector<T> w(3 * 2), h(2 * 3), again(2 * 3), gram(2 * 2), products(2 * 3);
  const orthant::DenseView<T> w_view = orthant::row_major(w.data(), 3, 2);
  const orthant::DenseView<T> h_view = orthant::column_major(h.data(), 2, 3);
  orthant::Options options;
  options.max_iterations = 500;
  for (const orthant::Matrix<T>& matrix : {dense, sparse}) {
    const orthant::Result result = orthant::factorize(matrix, w_view, h_view, options);
    expect(result.relative_error < 1e-2, "X has rank 2, but was not found");
    expect(std::abs(orthant::loss<T>(matrix, w_view, h_view) - result.loss) <= 1e-6, "loss");
  }
  const orthant::DenseView<T> again_view = orthant::column_major(again.data(), 2, 3);
  expect(orthant::transform<T>(sparse, w_view, again_view, options).relative_error < 1e-2, "transform");

  for (int a = 0; a < 2; ++a)
    for (int i = 0; i < 3; ++i) {
      for (int b = 0; b < 2; ++b) gram[a + 2 * b] += w[2 * i + a] * w[2 * i + b];
      for (int j = 0; j < 3; ++j) products[a + 2 * j] += w[2 * i + a] * x[3 * i + j];
    }
  const orthant::DenseView<T> gram_view = orthant::column_major(gram.data(), 2, 2);
  const orthant::DenseView<T> products_view = orthant::column_major(products.data(), 2, 3);
  expect(orthant::nnls<T>(context, gram_view, products_view, again_view).kkt_residual < 1e-4, "nnls");
  expect(orthant::plan<T>(context, {3, 3, -1}, 2).peak() > 0, "plan");
}

}  // namespace

int main() {
  const orthant::Context context = orthant::Context::cpu();
  use<float>(context);
  use<double>(context);
  try {  // an exception of the library is known by its type here
    orthant::Context::cpu({-1, nullptr});
    expect(false, "InvalidArgument did not come");
  } catch (const orthant::InvalidArgument& error) {
    expect(error.name() == "threads", "InvalidArgument names another value");
  }
  std::printf("orthant %s works\n", orthant::version());
}
