#include "core/storage/log_retention.hpp"

#include <doctest/doctest.h>

namespace topgun::storage {
namespace {

TEST_CASE("log_retention: the log begins with the first segment that holds something uncovered") {
  LogRetention retention;
  CHECK_FALSE(retention.start({}));
  retention.note(3, 10, {1, 0}, 5);
  retention.note(3, 11, {1, 1}, 2);
  retention.note(4, 12, {1, 0}, 9);
  retention.note(6, 13, {2, 0}, 1);

  AppliedVector applied;
  CHECK(retention.start(applied)->segment == 3);
  applied.advance({1, 0}, 9);
  CHECK(retention.start(applied)->segment == 3);  // Shard 1 is not covered.
  applied.advance({1, 1}, 2);
  CHECK(retention.start(applied)->segment == 6);
  CHECK(retention.start(applied)->block == 13);
}

TEST_CASE("log_retention: the last segment stays, because the chain goes on from there") {
  LogRetention retention;
  retention.note(3, 10, {1, 0}, 5);
  retention.note(4, 11, {1, 0}, 6);
  AppliedVector applied;
  applied.advance({1, 0}, 100);
  CHECK(retention.start(applied)->segment == 4);
}

TEST_CASE("log_retention: what is released is forgotten") {
  LogRetention retention;
  retention.note(3, 10, {1, 0}, 5);
  retention.note(4, 11, {2, 0}, 6);
  CHECK(retention.release_before(4) == std::vector<uint64_t>{3});
  CHECK(retention.release_before(4).empty());
  CHECK(retention.streams().size() == 1);
  CHECK(retention.streams().at({2, 0}) == 6);
}

TEST_CASE("log_retention: an applied vector never goes back") {
  AppliedVector applied;
  applied.advance({1, 0}, 9);
  applied.advance({1, 0}, 4);
  CHECK(applied.sequence({1, 0}) == 9);
  CHECK(applied.sequence({1, 1}) == 0);
}

}  // namespace
}  // namespace topgun::storage
