# Kills a real server; paths are those of tests/. 1,000 kills: topgun-crash --server ... --kills 1000
add_executable(
  topgun-crash server/crash/crash_driver.cpp server/crash/ledger.cpp
               server/crash/server_process.cpp server/support/test_socket.cpp
               server/support/websocket_client.cpp)
target_link_libraries(topgun-crash PRIVATE topgun_core wslay Threads::Threads topgun_warnings)

# The same server with storage that lies: proof that the test above would notice.
get_target_property(topgun_server_sources topgun-server SOURCES)
list(TRANSFORM topgun_server_sources PREPEND "${PROJECT_SOURCE_DIR}/host-native/")
add_executable(topgun-server-faulty ${topgun_server_sources} server/crash/faulty_storage.cpp)
target_compile_definitions(topgun-server-faulty PRIVATE TOPGUN_VERSION="${PROJECT_VERSION}")
target_link_libraries(topgun-server-faulty PRIVATE topgun_host topgun_storage topgun_warnings)

add_test(NAME server/crash/kills COMMAND topgun-crash --server $<TARGET_FILE:topgun-server>
                                         --kills 200)
add_test(NAME server/crash/control_ack_before_write
         COMMAND topgun-crash --server $<TARGET_FILE:topgun-server-faulty> --kills 100
                 --expect-loss)
add_test(NAME server/crash/control_dropped_record
         COMMAND topgun-crash --server $<TARGET_FILE:topgun-server-faulty> --kills 100
                 --expect-loss)
set_tests_properties(server/crash/kills server/crash/control_ack_before_write
                     server/crash/control_dropped_record PROPERTIES LABELS crash TIMEOUT 300)
set_tests_properties(server/crash/control_ack_before_write
                     PROPERTIES ENVIRONMENT TOPGUN_FAULT=ack-before-write)
set_tests_properties(server/crash/control_dropped_record
                     PROPERTIES ENVIRONMENT TOPGUN_FAULT=dropped-record)
