#include "host/cli/input.hpp"

#include "host/cli/errors.hpp"
#include "host/cli/tfidf.hpp"
#include "host/io/io_error.hpp"
#include "host/io/matrix_file.hpp"

namespace orthant::cli {

template <class T>
FactorData<T> read_factor(const std::string& path) {
  const io::DenseData<T> file = io::parse_npy<T>(io::read_bytes(path), path);
  FactorData<T> factor(file.rows, file.columns);
  const DenseView<const T> v = file.view();
  for (std::int64_t i = 0; i < v.rows; ++i) {
    for (std::int64_t j = 0; j < v.columns; ++j) {
      factor.view().data[i * v.columns + j] =
          v.layout == Layout::row_major ? v.data[i * v.ld + j] : v.data[i + j * v.ld];
    }
  }
  return factor;
}

template <class T>
struct Input<T>::Data {
  io::MatrixData<T> matrix;
};

template <class T>
Input<T>::Input(const std::string& path) : data_(new Data{io::read_matrix<T>(path)}) {}
template <class T>
Input<T>::~Input() = default;

template <class T>
std::int64_t Input<T>::rows() const {
  return std::visit([](const auto& m) { return m.rows; }, data_->matrix);
}
template <class T>
std::int64_t Input<T>::columns() const {
  return std::visit([](const auto& m) { return m.columns; }, data_->matrix);
}

template <class T>
void Input<T>::apply_tfidf() {
  if (auto* dense = std::get_if<io::DenseData<T>>(&data_->matrix)) {
    const DenseView<const T> v = dense->view();
    tfidf(DenseView<T>{dense->values.data(), v.rows, v.columns, v.ld, v.layout, v.space});
  } else {
    auto& sparse = std::get<io::SparseData<T>>(data_->matrix);
    tfidf(MutableCsr<T, std::int32_t>{sparse.rows, sparse.columns, sparse.offsets.data(), sparse.indices.data(),
                                      sparse.values.data()});
    sparse.values.resize(static_cast<std::size_t>(sparse.offsets.back()));
  }
}

template <class T>
Matrix<T> Input<T>::on(const Context& context) const {
  return std::visit([&](const auto& m) { return Matrix<T>(context, m.view()); }, data_->matrix);
}

template FactorData<float> read_factor(const std::string&);
template FactorData<double> read_factor(const std::string&);
template class Input<float>;
template class Input<double>;

}  // namespace orthant::cli
