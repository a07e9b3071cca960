# SQLite::SQLite3: the system's natively. For WebAssembly there is none, so that the simulator, which is
# all that needs it there, builds it from source: Debian's version, with those of Debian's options
# that show in the files. Natively and in WebAssembly one seed must give one run.
if(NOT EMSCRIPTEN)
  find_package(SQLite3 REQUIRED)
  return()
endif()

set(TOPGUN_SQLITE_SOURCE
    "${PROJECT_SOURCE_DIR}/wasm/simulator/node_modules/better-sqlite3/deps/sqlite3")
if(NOT EXISTS "${TOPGUN_SQLITE_SOURCE}/sqlite3.c")
  message(STATUS "The simulator is left out: `node scripts/lib/packages.mjs` fetches SQLite's source")
  return()
endif()

enable_language(C)
add_library(topgun_sqlite STATIC EXCLUDE_FROM_ALL "${TOPGUN_SQLITE_SOURCE}/sqlite3.c")
target_include_directories(topgun_sqlite SYSTEM PUBLIC "${TOPGUN_SQLITE_SOURCE}")
target_compile_definitions(
  topgun_sqlite
  PRIVATE SQLITE_OS_OTHER=1 # No files but the simulator's.
          SQLITE_THREADSAFE=0
          # As Debian has them; each changes what is written when.
          SQLITE_ENABLE_PREUPDATE_HOOK
          SQLITE_SECURE_DELETE
          SQLITE_TEMP_STORE=1
          SQLITE_OMIT_LOOKASIDE
          SQLITE_OMIT_DESERIALIZE # It wants a file system at its start.
          SQLITE_OMIT_LOAD_EXTENSION
          SQLITE_OMIT_LOCALTIME
          SQLITE_DEFAULT_MEMSTATUS=0)
# Fast in every preset: nobody steps through it.
target_compile_options(topgun_sqlite PRIVATE -O2 -w)
add_library(SQLite::SQLite3 ALIAS topgun_sqlite)
