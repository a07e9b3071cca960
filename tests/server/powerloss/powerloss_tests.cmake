# The power-loss shim, and the tests of it; paths are those of tests/. A sanitizer's runtime wants to
# be the first library and to own the same calls, so the two do not go together.
if(NOT TOPGUN_SANITIZE)
  add_library(
    topgun-powerloss MODULE
    server/powerloss/durable_image.cpp server/powerloss/interposed_data.cpp
    server/powerloss/interposed_names.cpp server/powerloss/shim.cpp)
  # Nothing but the interposed calls may be visible to the program.
  set_target_properties(topgun-powerloss PROPERTIES CXX_VISIBILITY_PRESET hidden
                                                    VISIBILITY_INLINES_HIDDEN ON)
  target_include_directories(topgun-powerloss PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(topgun-powerloss PRIVATE Threads::Threads ${CMAKE_DL_LIBS}
                                                 topgun_warnings)

  add_executable(topgun-powerloss-victim server/powerloss/victim.cpp)
  target_link_libraries(topgun-powerloss-victim PRIVATE Threads::Threads topgun_warnings)

  add_library(topgun_power_supply STATIC server/powerloss/power_supply.cpp)
  target_include_directories(topgun_power_supply PUBLIC "${PROJECT_SOURCE_DIR}")
  target_link_libraries(topgun_power_supply PRIVATE topgun_warnings)
  target_compile_definitions(
    topgun_power_supply PUBLIC TOPGUN_POWERLOSS_SHIM="$<TARGET_FILE:topgun-powerloss>")
  add_dependencies(topgun_power_supply topgun-powerloss)

  topgun_add_test(server/powerloss/powerloss_test.cpp LINK topgun_power_supply)
  add_dependencies(topgun_server_tests topgun-powerloss-victim)
  set_source_files_properties(
    server/powerloss/powerloss_test.cpp
    PROPERTIES COMPILE_DEFINITIONS
               "TOPGUN_POWERLOSS_VICTIM=\"$<TARGET_FILE:topgun-powerloss-victim>\"")
endif()
