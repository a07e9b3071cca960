# Kills a real server; paths are those of tests/. 1,000 kills: topgun-crash --server ... --kills 1000
add_executable(
  topgun-crash
  server/crash/crash_driver.cpp
  server/crash/crash_test.cpp
  server/crash/ledger.cpp
  server/crash/life_plan.cpp
  server/crash/server_process.cpp
  server/powerloss/power_supply.cpp
  server/support/test_socket.cpp
  server/support/websocket_client.cpp)
target_link_libraries(topgun-crash PRIVATE topgun_core wslay Threads::Threads topgun_warnings)

# The same server with storage that lies: proof that the test above would notice.
get_target_property(topgun_server_sources topgun-server SOURCES)
list(TRANSFORM topgun_server_sources PREPEND "${PROJECT_SOURCE_DIR}/host-native/")
add_executable(topgun-server-faulty ${topgun_server_sources} server/crash/faulty_storage.cpp
                                    server/crash/faulty_system_calls.cpp)
target_compile_definitions(topgun-server-faulty PRIVATE TOPGUN_VERSION="${PROJECT_VERSION}")
target_link_libraries(topgun-server-faulty PRIVATE topgun_host topgun_storage topgun_warnings
                                                   ${CMAKE_DL_LIBS})

# topgun_add_crash_test(<name> <server> [FAULT <name>] <option>...)
function(topgun_add_crash_test name server)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "FAULT" "")
  add_test(NAME server/crash/${name} COMMAND topgun-crash --server $<TARGET_FILE:${server}>
                                             ${arg_UNPARSED_ARGUMENTS})
  set_tests_properties(server/crash/${name} PROPERTIES LABELS crash TIMEOUT 300)
  if(arg_FAULT)
    set_tests_properties(server/crash/${name} PROPERTIES ENVIRONMENT TOPGUN_FAULT=${arg_FAULT})
  endif()
endfunction()

topgun_add_crash_test(kills topgun-server --kills 200)
foreach(fault ack-before-write dropped-record)
  topgun_add_crash_test(control_${fault} topgun-server-faulty FAULT ${fault} --kills 100
                        --expect-loss)
endforeach()

if(TARGET topgun-powerloss)
  target_compile_definitions(topgun-crash
                             PRIVATE TOPGUN_POWERLOSS_SHIM="$<TARGET_FILE:topgun-powerloss>")
  add_dependencies(topgun-crash topgun-powerloss)
  topgun_add_crash_test(power_loss topgun-server --power-loss mixed --kills 40)
  # What only a loss of power brings to light.
  foreach(fault ack-before-sync no-directory-sync ignored-sync-error)
    topgun_add_crash_test(control_${fault} topgun-server-faulty FAULT ${fault} --power-loss drop
                          --kills 100 --expect-loss)
  endforeach()
endif()
