# Libraries the build takes from the system; docs/dependencies.md says why these.
#
# em++ does not look into /usr/include, and must not: most of it describes another machine. The few
# header-only libraries that are portable are copied into the build directory and found there, by
# every compiler alike.

# topgun_stage_header(<target> <header>...) makes an INTERFACE library of headers alone.
function(topgun_stage_header target)
  set(stage "${PROJECT_BINARY_DIR}/stage/${target}")
  foreach(header IN LISTS ARGN)
    string(MAKE_C_IDENTIFIER "TOPGUN_HEADER_${header}" found)
    find_file(${found} "${header}" PATHS /usr/include /usr/local/include
              NO_CMAKE_FIND_ROOT_PATH REQUIRED)
    configure_file("${${found}}" "${stage}/${header}" COPYONLY)
  endforeach()
  add_library(${target} INTERFACE)
  target_include_directories(${target} SYSTEM INTERFACE "${stage}")
endfunction()

topgun_stage_header(topgun_xxhash xxhash.h)
if(TOPGUN_TESTS)
  topgun_stage_header(topgun_doctest doctest/doctest.h)
endif()

if(NOT EMSCRIPTEN)
  set(THREADS_PREFER_PTHREAD_FLAG ON)
  find_package(Threads REQUIRED)
endif()
