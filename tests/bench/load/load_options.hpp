#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/sync/messages.hpp"

namespace topgun::bench {

/// What the load generator does; names are those of its flags.
struct LoadOptions {
  uint16_t port = 8080;
  uint32_t connections = 50;
  uint32_t batch = 64;    ///< Operations in a frame.
  uint32_t inflight = 1;  ///< Frames that a connection sends ahead of their acks.
  AckLevel level = AckLevel::Memory;
  uint32_t value_bytes = 64;
  uint32_t keys = 100'000;
  uint64_t operations = 0;  ///< Stop after this many acked operations; 0: use `seconds`.
  double seconds = 5;
  double warmup_seconds = 0;
  std::string map = "load";
  std::string token;
  bool http = false;  ///< Each frame is a `POST /sync` instead of one of a WebSocket.
  /// Measure how soon a change is there at a reader that listens like this; empty: the load.
  std::string reader;
  int server_pid = 0;  ///< Measure this process's CPU time and memory too.
  bool idle = false;   ///< Only connect and say Hello; report the server's memory.
};

/// Options or, in `error`, what is wrong with the arguments.
struct LoadOptionsOutcome {
  LoadOptions options;
  std::string error;
};
LoadOptionsOutcome read_load_options(const std::vector<std::string>& arguments);

inline constexpr const char* kLoadHelp =
    "usage: topgun-load --port N [options]\n"
    "\n"
    "Writes to a TopGun server on 127.0.0.1 and prints one line of JSON.\n"
    "\n"
    "  --connections N      connections [50]\n"
    "  --batch N            operations in a frame [64]\n"
    "  --inflight N         frames a connection sends ahead of their acks [1]\n"
    "  --level NAME         ack that counts: memory or local [memory]\n"
    "  --value-bytes N      bytes of a value [64]\n"
    "  --keys N             different keys [100000]\n"
    "  --operations N       stop after so many acked operations, instead of:\n"
    "  --seconds S          stop after this time [5]\n"
    "  --warmup-seconds S   time that is not counted, before [0]\n"
    "  --map NAME           map to write to [load]\n"
    "  --token TEXT         token for Hello\n"
    "  --transport NAME     websocket, or http: each frame a POST /sync [websocket]\n"
    "  --server-pid N       report this process's CPU time and memory\n"
    "  --visibility NAME    measure how soon a change reaches a second client that listens by\n"
    "                       websocket, long-poll or stream; --operations says how often [2000]\n"
    "  --idle               only connect and say Hello; report memory per connection\n";

}  // namespace topgun::bench
