#include "core/crdt/merge.hpp"
#include "tests/support/property.hpp"
#include "tests/support/records.hpp"

// The laws of a join, over every record of a small domain that holds each kind of tie: two times,
// two authors, values and lives that differ, removals, and several contents under one stamp (as a
// cloned replica would write them).

namespace topgun {
namespace {

OwnedRecord merged(MapKind kind, const OwnedRecord& current, const OwnedRecord& incoming) {
  switch (merge_records(kind, current.view(), incoming.view())) {
    case MergeWinner::Current:
      return current;
    case MergeWinner::Incoming:
      return incoming;
    case MergeWinner::Combined: {
      OwnedRecord combined = incoming;
      combined.stamp = std::max(current.stamp, incoming.stamp);
      const CounterBytes totals = combine_counters(current.view(), incoming.view());
      combined.value = text_of(totals);
      return combined;
    }
  }
  return current;
}

/// Every record of the domain of `kind`, all with one key and one tag.
std::vector<OwnedRecord> domain(MapKind kind) {
  std::vector<OwnedRecord> records;
  ExhaustiveGen gen;
  while (gen.next_round()) {
    OwnedRecord record;
    record.key = "k";
    record.stamp = {1 + gen.below(2), {1 + gen.below(2)}};
    if (kind == MapKind::Counter) {
      record.tag = std::string(8, 't');
      const uint64_t positive = gen.below(3);
      const uint64_t negative = gen.below(3);
      record.value = counter_value(positive, negative);
    } else {
      if (kind == MapKind::Or) record.tag = std::string(16, 't');
      record.tombstone = gen.coin();
      if (!record.tombstone) {
        record.ttl_ms = gen.below(2);
        record.value = gen.pick({"a", "b", "aa"});
      }
    }
    REQUIRE(check_record(kind, record.view()).ok());
    records.push_back(record);
  }
  REQUIRE_FALSE(gen.bounded());
  return records;
}

void check_laws(MapKind kind) {
  const std::vector<OwnedRecord> all = domain(kind);
  for (const OwnedRecord& a : all) {
    CHECK(merged(kind, a, a) == a);
    CHECK(merge_records(kind, a.view(), a.view()) == MergeWinner::Current);
    for (const OwnedRecord& b : all) {
      const OwnedRecord ab = merged(kind, a, b);
      CHECK(ab == merged(kind, b, a));
      // Monotone: the join covers both of its parts.
      CHECK(merged(kind, ab, a) == ab);
      CHECK(merged(kind, ab, b) == ab);
      // "Nothing changes" is said exactly when nothing changes.
      CHECK((merge_records(kind, a.view(), b.view()) == MergeWinner::Current) == (ab == a));
      for (const OwnedRecord& c : all) {
        if (merged(kind, ab, c) == merged(kind, a, merged(kind, b, c))) continue;
        CAPTURE(a);
        CAPTURE(b);
        CAPTURE(c);
        FAIL_CHECK("not associative");
      }
    }
  }
}

TEST_CASE("lww map: merging is commutative, associative, idempotent and monotone") {
  check_laws(MapKind::Lww);
}

TEST_CASE("or map: merging is commutative, associative, idempotent and monotone") {
  check_laws(MapKind::Or);
}

TEST_CASE("pn counter: merging is commutative, associative, idempotent and monotone") {
  check_laws(MapKind::Counter);
}

}  // namespace
}  // namespace topgun
