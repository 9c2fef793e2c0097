#pragma once

#include "cuda/gpu.hpp"
#include "host/core/factor.hpp"

namespace orthant::cuda {

/// g = f f'. Product is the type of the products: those of float are summed in float over a few hundred columns and
/// then in double. Out = double gives all that Product = double knows.
template <class Product, class T, class Out>
void gram_matrix(const Gpu&, core::Factor<const T> f, core::Gram<Out> g);

}  // namespace orthant::cuda
