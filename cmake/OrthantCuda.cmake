# Whether to build the CUDA backend: where nvcc is (ORTHANT_CUDA=ON or OFF decides otherwise). CMake is told all that it
# cannot know of a compiler newer than itself.
if(NOT CMAKE_CUDA_COMPILER)
  find_program(CMAKE_CUDA_COMPILER nvcc HINTS /usr/local/cuda/bin)
endif()
if(CMAKE_CUDA_COMPILER)
  set(orthant_has_nvcc ON)
else()
  unset(CMAKE_CUDA_COMPILER CACHE)
  set(orthant_has_nvcc OFF)
endif()
option(ORTHANT_CUDA "Build the CUDA backend" ${orthant_has_nvcc})
set(ORTHANT_CUDA_ARCHITECTURES "75;80;86;89;90;100;120" CACHE STRING "Compute capabilities that kernels are built for")
if(ORTHANT_CUDA)
  set(CMAKE_CUDA_ARCHITECTURES ${ORTHANT_CUDA_ARCHITECTURES})
  enable_language(CUDA)
endif()
if(ORTHANT_CUDA OR ORTHANT_SIMT)
  find_package(CUDAToolkit 13.0 REQUIRED)  # whose calls for captures differ from those before
endif()

# What any build of the module has in common, the rig's too.
function(orthant_cuda_module target)
  orthant_target(${target})
  target_include_directories(${target} PRIVATE ${orthant_SOURCE_DIR}/include)
  set_target_properties(${target} PROPERTIES OUTPUT_NAME orthant_cuda CXX_VISIBILITY_PRESET hidden
                                             CUDA_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()
