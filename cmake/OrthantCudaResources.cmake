# A test that prints what every kernel takes of a device (registers, spills, shared memory, occupancy) and holds it to the
# table in `table`. `ptx`: a folder with PTX of the same sources, which is not made again.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
find_package(CUDAToolkit REQUIRED)

function(orthant_cuda_resources name table ptx)
  add_test(NAME ${name} COMMAND ${Python3_EXECUTABLE} ${orthant_SOURCE_DIR}/tests/ptx/resources.py
                                --nvcc ${CUDAToolkit_NVCC_EXECUTABLE} --root ${orthant_SOURCE_DIR} --table ${table}
                                --ptx ${ptx} ${ARGN})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300 PROCESSORS 2 COST 1000)
endfunction()
