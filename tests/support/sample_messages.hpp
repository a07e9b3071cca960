#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/sync/messages.hpp"

namespace topgun {

/// One message of every kind, by name, each a frame of its own. No field has its default value, so
/// that a field that is not written or not read shows.
inline std::vector<std::pair<std::string, Bytes>> sample_messages() {
  std::vector<std::pair<std::string, Bytes>> samples;
  const auto add = [&](const char* name, auto write) {
    Bytes frame;
    MessageWriter writer(frame);
    write(writer);
    samples.emplace_back(name, std::move(frame));
  };
  const ByteView batch = as_bytes("(batch)");
  add("hello", [&](MessageWriter& to) {
    to.hello({.version_min = 1,
              .version_max = 2,
              .replica = {0x0102030405060708},
              .instance = 0x1112131415161718,
              .history = {.complete = true,
                          .current_stored = true,
                          .runs = {{300, 299}, {301, 500}, {70'000, 70'001}}},
              .client_ms = 1700000000000,
              .token = as_bytes("token")});
  });
  add("operations", [&](MessageWriter& to) { to.operations(batch); });
  add("subscribe", [&](MessageWriter& to) {
    to.subscribe({.subscription = 7,
                  .kind = MapKind::Or,
                  .map = as_bytes("map"),
                  .cursor = as_bytes("cursor"),
                  .synced_ms = 1700000000001,
                  .root = {0x2122232425262728, 0x3132333435363738},
                  .records = 1000});
  });
  add("unsubscribe", [&](MessageWriter& to) { to.unsubscribe(200); });
  add("diff", [&](MessageWriter& to) {
    DiffMessage diff;
    diff.subscription = 7;
    diff.slice = 3;
    diff.child_bits = 1;
    diff.nodes = {{3, 5}, {6, 62}};
    diff.children = {10, 11, 1, 0xffff};
    diff.leaves = {{{6, 1}, {4, 9}}, {{48, 0xffffffffffff}, {}}};
    diff.claims = {{{6, 1}, {9}, {{5, 1700000000000}, {300, 1700000000001}}}, {{4, 9}, {}, {}}};
    diff.wants = {{{0, 0}, {77}}};
    to.diff(diff);
  });
  add("records", [&](MessageWriter& to) { to.records({.subscription = 7, .batch = batch}); });
  add("ping", [&](MessageWriter& to) { to.ping(0x4142434445464748); });
  add("pong", [&](MessageWriter& to) { to.pong(0x4142434445464748); });
  add("credit", [&](MessageWriter& to) { to.credit(1048576); });
  add("authenticate", [&](MessageWriter& to) { to.authenticate(as_bytes("token")); });
  add("resume", [&](MessageWriter& to) { to.resume(); });
  add("exchange", [&](MessageWriter& to) {
    to.exchange({.wait_ms = 25'000, .answer_bytes_max = 65536, .quiet = true});
  });
  add("welcome", [&](MessageWriter& to) {
    to.welcome({.version = 1,
                .node_id = 0x5152535455565758,
                .incarnation = 0x6162636465666768,
                .node_ms = 1700000000002,
                .horizon_ms = 1690000000000,
                .frame_bytes_max = 1048576,
                .operations_in_flight_max = 8192,
                .level_max = AckLevel::Local});
  });
  add("ack", [&](MessageWriter& to) { to.ack({.level = AckLevel::Object, .sequence = 301}); });
  add("reject", [&](MessageWriter& to) {
    to.reject({.sequence = 5, .count = 3, .error = 203, .detail = as_bytes("not yours")});
  });
  add("subscribed", [&](MessageWriter& to) {
    to.subscribed({.subscription = 7, .mode = SyncMode::Repair, .horizon_ms = 1690000000000});
  });
  add("changes",
      [&](MessageWriter& to) { to.changes({.shard = 0x0102, .version = 9000, .batch = batch}); });
  add("synced", [&](MessageWriter& to) {
    to.synced({.subscription = 7,
               .cursor = as_bytes("cursor"),
               .node_ms = 1700000000003,
               .root = {0x2122232425262728, 0x3132333435363738}});
  });
  add("error", [&](MessageWriter& to) {
    to.error({.error = 204, .fatal = true, .retry_after_ms = 500, .detail = as_bytes("slow down")});
  });
  add("cloned", [&](MessageWriter& to) { to.cloned(70'001); });
  add("more",
      [&](MessageWriter& to) { to.more({.subscription = 7, .cursor = as_bytes("cursor")}); });
  return samples;
}

}  // namespace topgun
