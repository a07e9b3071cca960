#include "core/client/remote_queries.hpp"

#include <doctest/doctest.h>

namespace topgun::client {
namespace {

MessageView only_message_of(const Bytes& frame) {
  FrameReader reader(frame);
  return *reader.next();
}

/// What the events say, as kinds.
std::vector<uint8_t> kinds_of(EventQueue& events) {
  std::vector<uint8_t> kinds;
  const Bytes taken = events.take();
  ByteReader in(taken);
  while (!in.at_end()) kinds.push_back(in.raw(in.u32())[0]);
  return kinds;
}

TEST_CASE("remote queries: a node that knows no queries fails those that wait, and no others") {
  EventQueue events;
  RemoteQueries queries(events);
  REQUIRE(queries.add(1, true, as_bytes("m"), as_bytes("q")).ok());
  REQUIRE(queries.add(2, true, as_bytes("m"), as_bytes("q")).ok());
  Bytes frame;
  queries.put_unasked(frame);
  REQUIRE(queries.add(3, false, as_bytes("m"), as_bytes("not asked yet")).ok());

  Bytes answer;
  MessageWriter(answer).answer({1, true, true, 7, as_bytes("answer")});
  REQUIRE(queries.on_answer(only_message_of(answer).payload).ok());
  CHECK(kinds_of(events) == std::vector<uint8_t>{static_cast<uint8_t>(Event::NodeAnswer)});

  queries.on_unknown_message();
  CHECK(kinds_of(events) == std::vector<uint8_t>{static_cast<uint8_t>(Event::NodeQueryFailed)});
  CHECK(queries.remove(1));
  CHECK_FALSE(queries.remove(2));
  CHECK_FALSE(queries.empty());
}

}  // namespace
}  // namespace topgun::client
