# What every target of the project is compiled with.
function(orthant_target target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  # Internal headers are included by their path from the root; tests/check_includes.sh enforces the direction.
  target_include_directories(${target} PRIVATE ${orthant_SOURCE_DIR})
  target_compile_options(${target} PRIVATE
    "$<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow;-Wconversion;-Wno-sign-conversion;-Wno-psabi>")
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)  # false alarms on std::string, GCC bug 105651
  endif()
  if(ORTHANT_WERROR)
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
  endif()
  if(ORTHANT_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${ORTHANT_SANITIZE} -fno-sanitize-recover=all
                                             -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE -fsanitize=${ORTHANT_SANITIZE})
    if(ORTHANT_SANITIZE MATCHES "memory")
      # The standard library is not compiled with this sanitizer: local variables, which it writes to, are trusted,
      # except where a target (kernels, which use no library) has them watched.
      target_compile_options(${target} PRIVATE
        "SHELL:$<$<NOT:$<BOOL:$<TARGET_PROPERTY:ORTHANT_WATCH_LOCALS>>>:-mllvm -msan-poison-stack=0>")
    endif()
  endif()
endfunction()
