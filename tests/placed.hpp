#pragma once

#include "host/core/runtime.hpp"
#include "tests/staged.hpp"
#include "tests/test_context.hpp"

namespace orthant::test {

/// Views of host memory as views of memory that the tested backend works in: of itself, or of copies on the device that
/// live as long as this.
template <class T>
class Placed {
 public:
  explicit Placed(const Context& context) : context_(context), staging_(context.runtime()->backend(T{})) {}

  template <class U>
  DenseView<U> operator()(DenseView<U> view) {
    if (!kOnDevice) return view;
    const bool rows = view.layout == Layout::row_major;
    const std::int64_t size = view.ld * ((rows ? view.rows : view.columns) - 1) + (rows ? view.columns : view.rows);
    view.data = staging_.stage(view.data, size);
    view.space = MemorySpace::device;
    return view;
  }
  template <class Index>
  CsrView<T, Index> operator()(CsrView<T, Index> view) {
    if (!kOnDevice) return view;
    view.row_offsets = staging_.stage(view.row_offsets, view.rows + 1);
    view.column_indices = words_.stage(view.column_indices, view.nonzeros);
    view.values = staging_.stage(view.values, view.nonzeros);
    view.space = MemorySpace::device;
    return view;
  }
  template <class Index>
  CooView<T, Index> operator()(CooView<T, Index> view) {
    if (!kOnDevice) return view;
    view.row_indices = words_.stage(view.row_indices, view.nonzeros);
    view.column_indices = words_.stage(view.column_indices, view.nonzeros);
    view.values = staging_.stage(view.values, view.nonzeros);
    view.space = MemorySpace::device;
    return view;
  }
  /// Copies what is not const back to the host.
  void fetch() { staging_.write_back(); }

 private:
  Context context_;
  Staging<T> staging_;
  Staging<float> words_{context_.runtime()->backend(float{})};  // indices may be half as wide as T
};

}  // namespace orthant::test
