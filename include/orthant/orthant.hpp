#pragma once

/// Orthant: non-negative matrix factorization on GPUs and CPUs. One header for all of the public API.

#include "orthant/context.hpp"
#include "orthant/cuda.hpp"
#include "orthant/error.hpp"
#include "orthant/factorize.hpp"
#include "orthant/matrix.hpp"
#include "orthant/options.hpp"
#include "orthant/result.hpp"
#include "orthant/version.hpp"
