#include "core/crdt/merge.hpp"

#include "tests/support/records.hpp"

namespace topgun {

inline doctest::String toString(MergeWinner winner) {
  constexpr const char* kNames[] = {"Current", "Incoming", "Combined"};
  return kNames[static_cast<int>(winner)];
}

namespace {

struct Case {
  const char* name;
  OwnedRecord current, incoming;
  MergeWinner winner;
};

OwnedRecord set(uint64_t time, std::string value, uint64_t author = 1, uint64_t ttl_ms = 0) {
  return {"k", "", {time, {author}}, ttl_ms, false, std::move(value)};
}

OwnedRecord removal(uint64_t time, uint64_t author = 1) {
  return {"k", "", {time, {author}}, 0, true, ""};
}

OwnedRecord totals(uint64_t positive, uint64_t negative, uint64_t time = 1) {
  return {"k", "author 1", {time, {1}}, 0, false, counter_value(positive, negative)};
}

TEST_CASE("lww map: the later stamp wins, ties go by content") {
  using enum MergeWinner;
  const Case cases[] = {
      {"later stamp wins", set(1, "a"), set(2, "b"), Incoming},
      {"earlier stamp loses", set(2, "a"), set(1, "b"), Current},
      {"author breaks a tie of times", set(2, "b", 1), set(2, "a", 2), Incoming},
      {"a later removal wins over a write", set(1, "a"), removal(2), Incoming},
      {"a later write wins over a removal", removal(1), set(2, "a"), Incoming},
      {"an earlier write does not undo a removal", removal(2), set(1, "a"), Current},
      {"the later of two removals stays", removal(1), removal(2), Incoming},
      {"the same record changes nothing", set(1, "a"), set(1, "a"), Current},
      {"the same removal changes nothing", removal(1), removal(1), Current},
      {"one stamp: a removal beats a write", set(1, "z"), removal(1), Incoming},
      {"one stamp: the longer life wins", set(1, "z", 1, 5), set(1, "a", 1, 6), Incoming},
      {"one stamp: the greater value wins", set(1, "a"), set(1, "b"), Incoming},
      {"one stamp: an extension is greater", set(1, "a"), set(1, "aa"), Incoming},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK(merge_lww(c.current.view(), c.incoming.view()) == c.winner);
    CHECK(merge_records(MapKind::Lww, c.current.view(), c.incoming.view()) == c.winner);
    if (!(c.current == c.incoming)) {
      const MergeWinner other = c.winner == Current ? Incoming : Current;
      CHECK(merge_lww(c.incoming.view(), c.current.view()) == other);
    }
  }
}

TEST_CASE("or map: an element that was removed stays removed") {
  using enum MergeWinner;
  const Case cases[] = {
      {"a removal beats the add", set(1, "a"), removal(2), Incoming},
      {"a removal beats even an add that claims to be later", set(9, "a"), removal(2), Incoming},
      {"an add does not come back", removal(2), set(9, "a"), Current},
      {"the later of two removals stays", removal(1), removal(2), Incoming},
      {"author breaks a tie of removals", removal(2, 1), removal(2, 2), Incoming},
      {"the same add changes nothing", set(1, "a"), set(1, "a"), Current},
      {"cloned adds: the later stamp wins", set(1, "a"), set(2, "b"), Incoming},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK(merge_or_element(c.current.view(), c.incoming.view()) == c.winner);
    CHECK(merge_records(MapKind::Or, c.current.view(), c.incoming.view()) == c.winner);
  }
}

TEST_CASE("pn counter: each total only grows") {
  using enum MergeWinner;
  const Case cases[] = {
      {"newer totals win", totals(1, 0, 1), totals(2, 0, 2), Incoming},
      {"older totals lose", totals(2, 0, 2), totals(1, 0, 1), Current},
      {"the same totals change nothing", totals(2, 3, 2), totals(2, 3, 2), Current},
      {"a later stamp alone is a change", totals(2, 3, 2), totals(2, 3, 4), Incoming},
      {"crossed totals are combined", totals(5, 1, 1), totals(2, 3, 2), Combined},
      {"greater totals with an older stamp are combined", totals(2, 2, 5), totals(3, 3, 4),
       Combined},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    CHECK(merge_counter(c.current.view(), c.incoming.view()) == c.winner);
    CHECK(merge_records(MapKind::Counter, c.current.view(), c.incoming.view()) == c.winner);
  }
}

TEST_CASE("pn counter: the combination has the larger of each total") {
  const OwnedRecord left = totals(5, 1), right = totals(2, UINT64_MAX);
  const CounterTotals combined = decode_counter(combine_counters(left.view(), right.view()));
  CHECK(combined.positive == 5);
  CHECK(combined.negative == UINT64_MAX);
}

}  // namespace
}  // namespace topgun
