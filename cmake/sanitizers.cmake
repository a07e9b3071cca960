# Sanitizers apply to every target, dependencies in source form included: code that is not
# instrumented would hide what it does to the memory of code that is.
if(TOPGUN_SANITIZE)
  add_compile_options("-fsanitize=${TOPGUN_SANITIZE}" -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  if(TOPGUN_SANITIZE MATCHES "undefined")
    # Both compare type information, which core/ is built without.
    add_compile_options(-fno-sanitize=vptr,function)
  endif()
  add_link_options("-fsanitize=${TOPGUN_SANITIZE}")
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND TOPGUN_SANITIZE MATCHES "address")
    # Coverage for the fuzzers, which are built with this preset.
    set(TOPGUN_FUZZERS ON)
    add_compile_options(-fsanitize=fuzzer-no-link)
  endif()
endif()
