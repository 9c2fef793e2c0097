# find_package(orthant): headers, library and package files.
include(CMakePackageConfigHelpers)
install(TARGETS orthant EXPORT orthant-targets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(ORTHANT_CUDA)
  install(TARGETS orthant_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
install(DIRECTORY include/orthant DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/orthant)
install(EXPORT orthant-targets NAMESPACE orthant:: DESTINATION ${package_dir})
get_target_property(orthant_type orthant TYPE)
configure_package_config_file(cmake/orthant-config.cmake.in orthant-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(orthant-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/orthant-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/orthant-config-version.cmake
              cmake/FindHWY.cmake DESTINATION ${package_dir})
