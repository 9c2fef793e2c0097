#pragma once

#include "host/core/backend.hpp"
#include "host/core/runtime.hpp"
#include "host/core/validate.hpp"

namespace orthant::core {

/// Throws unless W and H are of the shapes that X and the rank give them, in memory that can be used.
template <class T>
void check_factors(const Matrix<T>& x, DenseView<const T> w, DenseView<const T> h) {
  const auto check_size = [](const char* name, std::int64_t value, std::int64_t expected, const std::string& what) {
    if (value != expected) throw InvalidArgument(name, text(value), what + ", " + text(expected));
  };
  check_view<T>("W", w, *x.context().runtime());
  check_view<T>("H", h, *x.context().runtime());
  check_size("W.rows", w.rows, x.rows(), "the rows of X");
  check_size("H.columns", h.columns, x.columns(), "the columns of X");
  check_size("H.rows", h.rows, w.columns, "the columns of W (the rank)");
  check_rank(w.columns, *x.context().runtime());
}

/// A caller's factor, as the loop wants it: k x count, component fastest. Worked on in place where it lies that way in
/// the backend's memory, otherwise a copy that store() writes back. `view` is k x count (the transpose of W, or H).
template <class T>
class Border {
 public:
  Border(const Runtime& runtime, DenseView<T> view) : backend_(runtime.backend(T{})), view_(view) {
    const int rank = static_cast<int>(view.rows);
    if (view.layout == Layout::column_major && view.space == runtime.memory_space()) {
      factor_ = {view.data, rank, view.columns, view.ld};
    } else {
      copy_ = Buffer<T>(backend_.memory(), view.rows * view.columns);
      factor_ = {copy_.data(), rank, view.columns, rank};
    }
  }
  Factor<T> factor() const { return factor_; }
  void load() const {
    if (copy_.size() > 0) backend_.copy_in(view_, factor_);
  }
  void store() const {
    if (copy_.size() > 0) backend_.copy_out(factor_, view_);
  }

 private:
  const Backend<T>& backend_;
  DenseView<T> view_;
  Buffer<T> copy_;
  Factor<T> factor_;
};

template <class T>
DenseView<T> transposed(DenseView<T> v) {
  return {v.data, v.columns, v.rows, v.ld, v.layout == Layout::row_major ? Layout::column_major : Layout::row_major,
          v.space};
}

}  // namespace orthant::core
