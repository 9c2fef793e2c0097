#pragma once

#include <cstdint>
#include <type_traits>
#include <variant>

#include "orthant/matrix.hpp"

namespace orthant::core {

/// What the elements of a view may be.
enum class ElementType { int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64 };

template <class U>
constexpr ElementType element_type() {
  if constexpr (std::is_same_v<U, float>) {
    return ElementType::float32;
  } else if constexpr (std::is_same_v<U, double>) {
    return ElementType::float64;
  } else {
    constexpr int kWidth = sizeof(U) == 1 ? 0 : sizeof(U) == 2 ? 1 : sizeof(U) == 4 ? 2 : 3;
    constexpr auto kFirst = std::is_signed_v<U> ? ElementType::int8 : ElementType::uint8;
    return static_cast<ElementType>(static_cast<int>(kFirst) + kWidth);
  }
}

constexpr std::int64_t size_of(ElementType type) {
  constexpr int kSizes[] = {1, 2, 4, 8, 1, 2, 4, 8, 4, 8};
  return kSizes[static_cast<int>(type)];
}

/// A DenseView whose element type is known when the program runs.
struct AnyDenseView {
  const void* data = nullptr;
  ElementType type = ElementType::float32;
  std::int64_t rows = 0, columns = 0, ld = 0;
  Layout layout = Layout::row_major;
  MemorySpace space = MemorySpace::host;

  template <class U>
  AnyDenseView(DenseView<const U> x)
      : data(x.data),
        type(element_type<U>()),
        rows(x.rows),
        columns(x.columns),
        ld(x.ld),
        layout(x.layout),
        space(x.space) {}

  /// Rows or columns, whichever are contiguous, and the entries of each.
  std::int64_t lines() const { return layout == Layout::row_major ? rows : columns; }
  std::int64_t length() const { return layout == Layout::row_major ? columns : rows; }

  /// The view itself, of its element type.
  template <class U>
  DenseView<const U> as() const {
    return {static_cast<const U*>(data), rows, columns, ld, layout, space};
  }
};

/// A sparse view whose form and indices are known when the program runs.
template <class T>
using AnySparseView = std::variant<CsrView<T, std::int32_t>, CsrView<T, std::int64_t>, CooView<T, std::int32_t>,
                                   CooView<T, std::int64_t>>;

}  // namespace orthant::core
