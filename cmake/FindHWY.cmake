# Google Highway: its own package file where it has one (some distributions' is broken), else pkg-config's.
find_package(PkgConfig QUIET)
pkg_check_modules(PC_HWY QUIET libhwy)
find_path(HWY_INCLUDE_DIR hwy/highway.h HINTS ${PC_HWY_INCLUDE_DIRS})
find_library(HWY_LIBRARY hwy HINTS ${PC_HWY_LIBRARY_DIRS})
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(HWY REQUIRED_VARS HWY_LIBRARY HWY_INCLUDE_DIR)
if(HWY_FOUND AND NOT TARGET hwy::hwy)
  add_library(hwy::hwy UNKNOWN IMPORTED)
  set_target_properties(hwy::hwy PROPERTIES IMPORTED_LOCATION ${HWY_LIBRARY}
                                            INTERFACE_INCLUDE_DIRECTORIES ${HWY_INCLUDE_DIR})
endif()
