# Servers whose Nth allocation fails; paths are those of tests/. A sanitizer's runtime owns the
# allocator, so the two do not go together.
if(NOT TOPGUN_SANITIZE)
  add_library(topgun-allocations MODULE server/allocation/shim.cpp)
  set_target_properties(topgun-allocations PROPERTIES CXX_VISIBILITY_PRESET hidden)
  target_link_libraries(topgun-allocations PRIVATE topgun_warnings)

  add_executable(
    topgun-starve
    server/allocation/allocation_driver.cpp server/crash/ledger.cpp
    server/crash/server_process.cpp server/support/test_socket.cpp
    server/support/websocket_client.cpp)
  target_compile_definitions(
    topgun-starve PRIVATE TOPGUN_ALLOCATION_SHIM="$<TARGET_FILE:topgun-allocations>")
  target_link_libraries(topgun-starve PRIVATE topgun_core wslay Threads::Threads topgun_warnings)
  add_dependencies(topgun-starve topgun-allocations)

  add_test(NAME server/allocation/starved COMMAND topgun-starve --server
                                                  $<TARGET_FILE:topgun-server>)
  add_test(NAME server/allocation/starved_libraries
           COMMAND topgun-starve --libraries --server $<TARGET_FILE:topgun-server>)
  set_tests_properties(server/allocation/starved server/allocation/starved_libraries
                       PROPERTIES LABELS crash TIMEOUT 300)
endif()
