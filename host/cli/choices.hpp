#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "host/io/matrix_file.hpp"
#include "orthant/cuda.hpp"
#include "orthant/matrix.hpp"
#include "orthant/options.hpp"
#include "orthant/result.hpp"

namespace orthant::cli {

/// Values by the names that options and result.json call them.
template <class E, std::size_t N>
using Choices = std::array<std::pair<std::string_view, E>, N>;

enum class Precision { float_, double_ };
enum class Freeze { none, w, h };

inline constexpr Choices<Loss, 3> kLosses{{{"frobenius", Loss::frobenius()},
                                           {"kullback-leibler", Loss::kullback_leibler()},
                                           {"itakura-saito", Loss::itakura_saito()}}};
inline constexpr Choices<Solver, 3> kSolvers{
    {{"mu", Solver::multiplicative_update}, {"hals", Solver::hals}, {"anls", Solver::anls}}};
/// `given` is not asked for by name but by naming the files.
inline constexpr Choices<Initialization, 4> kInitializations{{{"random", Initialization::random},
                                                              {"nndsvd", Initialization::nndsvd},
                                                              {"nndsvda", Initialization::nndsvda},
                                                              {"nndsvdar", Initialization::nndsvdar}}};
inline constexpr Choices<Acceleration, 3> kAccelerations{
    {{"auto", Acceleration::automatic}, {"none", Acceleration::none}, {"extrapolation", Acceleration::extrapolation}}};
inline constexpr Choices<Stopping, 2> kStoppings{
    {{"loss", Stopping::loss}, {"projected-gradient", Stopping::projected_gradient}}};
inline constexpr Choices<PenaltyScaling, 2> kScalings{
    {{"none", PenaltyScaling::none}, {"sklearn", PenaltyScaling::sklearn}}};
inline constexpr Choices<Missing, 3> kMissing{
    {{"none", Missing::none}, {"nan", Missing::nan}, {"zeros", Missing::zeros}}};
inline constexpr Choices<Storage, 4> kStorages{
    {{"plain", Storage::element_type}, {"uint8", Storage::uint8}, {"fp16", Storage::fp16}, {"bf16", Storage::bf16}}};
inline constexpr Choices<MathMode, 3> kMathModes{
    {{"strict", MathMode::strict}, {"tf32", MathMode::tf32}, {"bf16", MathMode::bf16}}};
inline constexpr Choices<Precision, 2> kPrecisions{{{"float", Precision::float_}, {"double", Precision::double_}}};
inline constexpr Choices<Freeze, 2> kFreezes{{{"w", Freeze::w}, {"h", Freeze::h}}};
inline constexpr Choices<io::HeaderLine, 3> kHeaders{
    {{"auto", io::HeaderLine::automatic}, {"yes", io::HeaderLine::yes}, {"no", io::HeaderLine::no}}};
inline constexpr Choices<StopReason, 3> kStopReasons{{{"converged", StopReason::converged},
                                                      {"max_iterations", StopReason::max_iterations},
                                                      {"stopped_by_caller", StopReason::stopped_by_caller}}};

/// The name of a value; empty for one that has none.
template <class E, std::size_t N>
std::string name_of(const Choices<E, N>& choices, E value) {
  for (const auto& [name, choice] : choices)
    if (choice == value) return std::string(name);
  return {};
}

/// "mu|hals"
template <class E, std::size_t N>
std::string names_of(const Choices<E, N>& choices, std::string_view separator = "|") {
  std::string all;
  for (const auto& choice : choices) {
    if (!all.empty()) all += separator;
    all += choice.first;
  }
  return all;
}

}  // namespace orthant::cli
