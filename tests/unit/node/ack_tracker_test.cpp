#include "core/node/ack_tracker.hpp"

#include <doctest/doctest.h>

namespace topgun::node {

TEST_CASE("ack_tracker: a batch is at memory once every part was applied") {
  AckTracker acks;
  const uint64_t token = acks.begin(10, 2);
  CHECK(acks.memory_sequence() == 0);
  acks.applied(token, 0, 1);
  CHECK(acks.memory_sequence() == 0);
  acks.applied(token, 1, 1);
  CHECK(acks.memory_sequence() == 10);
}

TEST_CASE("ack_tracker: a later batch does not overtake an earlier one") {
  AckTracker acks;
  const uint64_t first = acks.begin(10, 1);
  const uint64_t second = acks.begin(20, 1);
  acks.applied(second, 0, 2);
  CHECK(acks.memory_sequence() == 0);
  CHECK(acks.advance_local({9}) == 0);
  acks.applied(first, 0, 1);
  CHECK(acks.memory_sequence() == 20);
  CHECK(acks.advance_local({1}) == 10);
  CHECK(acks.advance_local({2}) == 20);
  CHECK(acks.idle());
}

TEST_CASE("ack_tracker: local waits for the log of every shard that took a part") {
  AckTracker acks;
  const uint64_t token = acks.begin(5, 3);
  acks.applied(token, 0, 4);
  acks.applied(token, 1, 0);  // Nothing changed there.
  acks.applied(token, 2, 7);
  CHECK(acks.advance_local({4, 0, 6}) == 0);
  CHECK(acks.advance_local({3, 0, 7}) == 0);
  CHECK(acks.advance_local({4, 0, 7}) == 5);
}

TEST_CASE("ack_tracker: a batch without parts, all of it refused, is acknowledged in its turn") {
  AckTracker acks;
  const uint64_t first = acks.begin(1, 1);
  acks.begin(2, 0);
  CHECK(acks.memory_sequence() == 0);
  acks.applied(first, 0, 1);
  CHECK(acks.memory_sequence() == 2);
}

TEST_CASE("ack_tracker: tokens stay valid while old batches are dropped") {
  AckTracker acks;
  for (uint64_t i = 1; i <= 1000; ++i) {
    const uint64_t token = acks.begin(i, 1);
    acks.applied(token, 0, i);
    if (i >= 5) CHECK(acks.advance_local({i - 4}) == i - 4);
  }
  CHECK(acks.advance_local({1000}) == 1000);
  CHECK(acks.idle());
}

}  // namespace topgun::node
