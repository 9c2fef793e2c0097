# A folder of tests in Python as one test of CTest. They need ORTHANT_PYTHON, a Python with tests/requirements.txt.
function(orthant_pytest name)
  if(ORTHANT_COMMAND AND ORTHANT_PYTHON)
    add_test(NAME ${name} COMMAND ${ORTHANT_PYTHON} -B -m pytest ${CMAKE_CURRENT_SOURCE_DIR}
                                  --command $<TARGET_FILE:orthant_command>)
    set_tests_properties(${name} PROPERTIES TIMEOUT 600 COST 100)
  endif()
endfunction()
