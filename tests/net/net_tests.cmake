# Tests of the server's network side. Paths are those of tests/.

# The host alone: an echo stands in for the state machine.
topgun_add_test(
  net/bad_input_test.cpp net/config_test.cpp net/content_coding_test.cpp net/event_stream_test.cpp
  net/http_exchange_test.cpp net/http_sync_test.cpp net/http_test.cpp net/jwt_test.cpp net/mailbox_test.cpp
  net/message_json_test.cpp net/request_times_test.cpp net/tls_test.cpp net/websocket_test.cpp
  LINK topgun_host wslay)
target_sources(topgun_net_tests PRIVATE
  net/echo_shard.cpp server/support/test_socket.cpp server/support/token_maker.cpp
  server/support/websocket_client.cpp support/random_batch.cpp support/random_value.cpp)

# The whole server.
topgun_add_test(server/node/http_sync_test.cpp server/node/node_test.cpp LINK topgun_host wslay)
target_sources(topgun_server_tests PRIVATE
  server/support/native_client.cpp server/support/test_socket.cpp server/support/token_maker.cpp
  server/support/websocket_client.cpp)

topgun_add_fuzzer(net/http_fuzz.cpp LINK topgun_net)
topgun_add_fuzzer(net/message_json_fuzz.cpp LINK topgun_json)
topgun_add_fuzzer(net/content_coding_fuzz.cpp LINK topgun_net)
topgun_add_fuzzer(net/jwt_fuzz.cpp LINK topgun_auth)
topgun_add_fuzzer(net/websocket_fuzz.cpp LINK topgun_net)

add_executable(topgun-load bench/load/http_transport.cpp bench/load/load_connection.cpp
                           bench/load/load_options.cpp bench/load/main.cpp bench/load/visibility.cpp)
target_link_libraries(topgun-load PRIVATE topgun_auth topgun_net topgun_warnings)

add_executable(topgun-bench-websocket bench/websocket_codec/wslay_bench.cpp)
target_link_libraries(topgun-bench-websocket PRIVATE topgun_net wslay topgun_warnings)
# Tiny, so that it cannot rot.
add_test(NAME bench/websocket_codec COMMAND topgun-bench-websocket 64 2)
