#pragma once

// Pointers that count what is read and written through them. An index carries the place in the source at which it is
// used.

#include <concepts>
#include <cstddef>
#include <type_traits>

#include "tests/simt/site.hpp"
#include "tests/simt/threads.hpp"
#include "tests/simt/traffic.hpp"

namespace simt {

struct Index {
  std::ptrdiff_t value;
  Site site;

  template <class I>
    requires std::convertible_to<I, std::ptrdiff_t> Index(const I& i, Site at = Site::here())
        : value(static_cast<std::ptrdiff_t>(i)), site(at) {}
};

template <class T, Space kSpace>
class Pointer;

/// An element: reading it is one access, writing to it another.
template <class T, Space kSpace>
class Element {
 public:
  using Value = std::remove_const_t<T>;

  Element(T* address, Site site) : address_(address), site_(site) {}
  Element(const Element&) = default;

  operator Value() const {  // implicit: an element is used as its value
    count_access(kSpace, address_, sizeof(T), false, site_);
    return *address_;
  }
  const Element& operator=(Value value) const {
    count_access(kSpace, address_, sizeof(T), true, site_);
    *address_ = value;
    return *this;
  }
  Element& operator=(const Element& other) {
    *this = static_cast<Value>(other);
    return *this;
  }
  const Element& operator+=(Value value) const { return *this = static_cast<Value>(Value(*this) + value); }
  const Element& operator-=(Value value) const { return *this = static_cast<Value>(Value(*this) - value); }
  const Element& operator*=(Value value) const { return *this = static_cast<Value>(Value(*this) * value); }
  const Element& operator/=(Value value) const { return *this = static_cast<Value>(Value(*this) / value); }
  Pointer<T, kSpace> operator&() const { return address_; }

 private:
  T* address_;
  Site site_;
};

template <class T, Space kSpace>
class Pointer {
 public:
  Pointer() = default;
  Pointer(T* address) : address_(address) {}  // implicit, as kernels get plain pointers
  template <class U>
    requires std::convertible_to<U*, T*> Pointer(Pointer<U, kSpace> other) : address_(other.get()) {}

    T* get() const { return address_; }
    explicit operator bool() const { return address_ != nullptr; }

    Element<T, kSpace> operator[](Index i) const { return {address_ + i.value, i.site}; }
    Element<T, kSpace> operator*() const { return {address_, {}}; }

    Pointer operator+(std::ptrdiff_t n) const { return address_ + n; }
    Pointer operator-(std::ptrdiff_t n) const { return address_ - n; }
    std::ptrdiff_t operator-(Pointer other) const { return address_ - other.address_; }
    Pointer& operator+=(std::ptrdiff_t n) {
      address_ += n;
      return *this;
    }
    Pointer& operator++() { return *this += 1; }
    auto operator<=>(const Pointer&) const = default;

   private:
    T* address_ = nullptr;
};

/// An array in shared memory, of any number of dimensions.
template <class A>
class SharedArray {
 public:
  using Row = std::remove_extent_t<A>;

  explicit SharedArray(A& array) : array_(array) {}

  auto operator[](Index i) const {
    if constexpr (std::is_array_v<Row>) {
      return SharedArray<Row>(array_[i.value]);
    } else {
      return Element<Row, Space::kShared>(&array_[i.value], i.site);
    }
  }
  operator Pointer<Row, Space::kShared>() const  // as an array becomes a pointer
      requires(!std::is_array_v<Row>) {
    return &array_[0];
  }

 private:
  A& array_;
};

}  // namespace simt

#define ORTHANT_SHARED(T, name, extents)       \
  SIMT_SHARED_ARRAY(T, name##_plain, extents); \
  const ::simt::SharedArray<name##_plain_array> name(name##_plain)

#define ORTHANT_DYNAMIC_SHARED(T, name) \
  const ::orthant::cuda::device::Shared<T> name(static_cast<T*>(::simt::dynamic_shared()))

namespace orthant::cuda::device {

template <class T>
using Global = ::simt::Pointer<T, ::simt::Space::kGlobal>;
template <class T>
using Shared = ::simt::Pointer<T, ::simt::Space::kShared>;

}  // namespace orthant::cuda::device
