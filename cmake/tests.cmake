# Tests live at tests/<kind>/<path>, mirroring core/. One executable holds all tests of a kind.

if(EMSCRIPTEN)
  # Node takes emscripten's loaders for ES modules, as package.json at the top says, unless a nearer
  # one says otherwise.
  file(WRITE "${PROJECT_BINARY_DIR}/package.json" "{ \"type\": \"commonjs\" }\n")
endif()

# topgun_add_test(<kind>/<path>_test.cpp... [LINK <target>...])
#
# Adds doctest sources to the executable `topgun_<kind>_tests` (made at first mention), and each
# source as a ctest of the same name, labelled with its kind: `ctest -L unit`, `ctest -R or_map`.
function(topgun_add_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "LINK")
  foreach(source IN LISTS arg_UNPARSED_ARGUMENTS)
    string(REGEX MATCH "^[^/]+" kind "${source}")
    set(target "topgun_${kind}_tests")
    if(NOT TARGET ${target})
      add_executable(${target} support/doctest_main.cpp)
      target_link_libraries(${target} PRIVATE topgun_core topgun_doctest topgun_warnings)
      if(EMSCRIPTEN)
        # The optimiser of emscripten 3.1.6 fails on node 20 when linking with -O2 and up, and its
        # loader cannot fetch a second file there.
        target_link_options(${target} PRIVATE -O1 -sSINGLE_FILE=1 -sALLOW_MEMORY_GROWTH=1
                            -sNODERAWFS=1 -sEXIT_RUNTIME=1)
      endif()
    endif()
    target_sources(${target} PRIVATE "${source}")
    if(arg_LINK)
      target_link_libraries(${target} PRIVATE ${arg_LINK})
    endif()

    string(REGEX REPLACE "\\.cpp$" "" name "${source}")
    add_test(NAME "${name}" COMMAND ${target} "--source-file=*${source}" --no-path-filenames
             --no-colors)
    # A file without a test case passes in doctest's eyes; it is a mistake in ours.
    set_tests_properties("${name}" PROPERTIES LABELS "${kind}" TIMEOUT 300
                         FAIL_REGULAR_EXPRESSION "test cases: *0 ")
  endforeach()
endfunction()

# topgun_add_fuzzer(<path>_fuzz.cpp [LINK <target>...])
#
# Builds a libFuzzer target from tests/fuzz/<path>_fuzz.cpp (preset asan) and adds a ctest, labelled
# fuzz, that runs it once over its seed corpus tests/fuzz/<path>_corpus/.
function(topgun_add_fuzzer source)
  if(NOT TOPGUN_FUZZERS)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LINK")
  string(REGEX REPLACE "\\.cpp$" "" name "${source}")
  string(REGEX REPLACE "_fuzz$" "_corpus" corpus "${name}")
  string(MAKE_C_IDENTIFIER "${name}" target)
  add_executable(${target} "fuzz/${source}")
  target_link_libraries(${target} PRIVATE topgun_core topgun_warnings ${arg_LINK})
  target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  add_test(NAME "fuzz/${name}"
           COMMAND ${target} -runs=0 "${CMAKE_CURRENT_SOURCE_DIR}/fuzz/${corpus}")
  set_tests_properties("fuzz/${name}" PROPERTIES LABELS fuzz TIMEOUT 300)
endfunction()
