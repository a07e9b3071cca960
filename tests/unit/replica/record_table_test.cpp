#include "core/replica/record_table.hpp"

#include "tests/support/colliding_keys.hpp"
#include "tests/support/records.hpp"

namespace topgun {
namespace {

OwnedRecord set(std::string key, uint64_t ms, std::string value, uint64_t ttl_ms = 0) {
  return {std::move(key), "", {stamp_time(ms, 0), {1}}, ttl_ms, false, std::move(value)};
}

OwnedRecord removal(std::string key, uint64_t ms) {
  return {std::move(key), "", {stamp_time(ms, 0), {1}}, 0, true, ""};
}

OwnedRecord element(std::string key, uint64_t sequence, std::string value) {
  const TagBytes tag = element_tag({{1}, sequence});
  return {std::move(key), text_of(tag), {stamp_time(5, 0), {1}}, 0, false, std::move(value)};
}

std::optional<OwnedRecord> find(const RecordTable& table, const std::string& key,
                                const std::string& tag = "") {
  const std::optional<Record> found = table.find(as_bytes(key), as_bytes(tag));
  if (!found) return std::nullopt;
  return OwnedRecord::of(*found);
}

TEST_CASE("record table: an empty table finds nothing and has the empty root") {
  TableReplica replica(MapKind::Lww);
  CHECK(replica.table.size() == 0);
  CHECK(replica.table.root() == MerkleRoot{});
  CHECK_FALSE(find(replica.table, "k"));
  CHECK_FALSE(replica.table.forget(as_bytes("k"), {}));
  CHECK(replica.table.collect(UINT64_MAX) == 0);
  CHECK(replica.table.node({}) == 0);
  CHECK(replica.table.node({7, 3}) == 0);
  CHECK(state_of(replica.table).empty());
  replica.table.visit({}, [](uint64_t, uint64_t, const Record&) { FAIL_CHECK("nothing there"); });
}

TEST_CASE("record table: a merged record is found with all its fields") {
  TableReplica replica(MapKind::Lww);
  const OwnedRecord record = set("key", 7, "value", 1234);
  CHECK(replica.merge(record));
  CHECK(find(replica.table, "key") == record);
  CHECK(replica.table.size() == 1);
  CHECK_FALSE(find(replica.table, "ke"));
  CHECK_FALSE(find(replica.table, "key", "tag"));
}

TEST_CASE("record table: what is overwritten is shown first, and only then") {
  TableReplica replica(MapKind::Lww);
  std::vector<OwnedRecord> overwritten;
  const auto merge = [&](const OwnedRecord& record) {
    return replica.table.merge(record.view(), [&](const Record& before) {
      overwritten.push_back(OwnedRecord::of(before));
    });
  };
  CHECK(merge(set("k", 2, "b")));
  CHECK_FALSE(merge(set("k", 1, "a")));
  CHECK_FALSE(merge(set("k", 2, "b")));
  CHECK(overwritten.empty());
  CHECK(merge(removal("k", 3)));
  CHECK(overwritten == std::vector<OwnedRecord>{set("k", 2, "b")});
}

TEST_CASE("record table: counters that crossed are combined in place") {
  TableReplica replica(MapKind::Counter);
  const std::string tag(8, 't');
  replica.merge({"k", tag, {9, {1}}, 0, false, counter_value(5, 1)});
  CHECK(replica.merge({"k", tag, {7, {1}}, 0, false, counter_value(2, 3)}));
  CHECK(find(replica.table, "k", tag) ==
        OwnedRecord{"k", tag, {9, {1}}, 0, false, counter_value(5, 3)});
  CHECK_FALSE(replica.merge({"k", tag, {9, {1}}, 0, false, counter_value(5, 3)}));
}

TEST_CASE("record table: longest key, longest value and a tag fit") {
  TableReplica replica(MapKind::Or);
  const OwnedRecord record =
      element(std::string(kKeyBytesMax, 'k'), UINT64_MAX, std::string(kValueBytesMax, 'v'));
  replica.merge(record);
  CHECK(find(replica.table, record.key, record.tag) == record);
  CHECK(replica.table.record_bytes() >= kKeyBytesMax + kTagBytesMax + kValueBytesMax);
}

TEST_CASE("record table: key and tag are told apart where their bytes run together") {
  TableReplica replica(MapKind::Or);
  const std::string tag = element("", 1, "").tag;
  // Same bytes behind one another, another border between them.
  const OwnedRecord long_key = element("k" + tag, 2, "v");
  replica.merge(long_key);
  CHECK_FALSE(find(replica.table, "k", tag + long_key.tag));
  CHECK(find(replica.table, long_key.key, long_key.tag) == long_key);
}

TEST_CASE("record table: records that want one slot are all found, also after one is forgotten") {
  const std::vector<std::string> keys = colliding_keys(0xff, 6);  // As many as fit in eight slots.
  for (size_t forgotten = 0; forgotten < keys.size(); ++forgotten) {
    CAPTURE(forgotten);
    TableReplica replica(MapKind::Lww);
    for (const std::string& key : keys) replica.merge(set(key, 1, key));
    CHECK(replica.table.forget(as_bytes(keys[forgotten]), {}));
    for (size_t i = 0; i < keys.size(); ++i) {
      CHECK(find(replica.table, keys[i]).has_value() == (i != forgotten));
    }
  }
}

TEST_CASE("record table: a wrapped probe run is visited whole") {
  TableReplica replica(MapKind::Lww);
  const std::vector<std::string> last = colliding_keys(0xff, 3), first = colliding_keys(0x00, 2);
  for (const std::string& key : last) replica.merge(set(key, 1, "v"));
  for (const std::string& key : first) replica.merge(set(key, 1, "v"));
  const auto visited = [&](HashPrefix prefix) {
    size_t count = 0;
    replica.table.visit(prefix, [&](uint64_t placement, uint64_t, const Record&) {
      CHECK(prefix.contains(placement));
      ++count;
    });
    return count;
  };
  CHECK(visited({8, 0xff}) == 3);
  CHECK(visited({3, 7}) == 3);
  CHECK(visited({1, 1}) == 3);
  CHECK(visited({8, 0x00}) == 2);
  CHECK(visited({3, 0}) == 2);
  CHECK(visited({8, 0x80}) == 0);
  CHECK(visited({}) == 5);
}

TEST_CASE("record table: the elements of a key lie in its region, in OR maps and counters") {
  for (const MapKind kind : {MapKind::Or, MapKind::Counter}) {
    for (uint64_t sequence = 0; sequence < 50; ++sequence) {
      const TagBytes tag = element_tag({{sequence * 77}, sequence});
      const uint64_t placement = RecordTable::placement(kind, as_bytes("key"), tag);
      CHECK(RecordTable::key_region(as_bytes("key")).contains(placement));
    }
  }
  CHECK(RecordTable::key_region(as_bytes("key"))
            .contains(RecordTable::placement(MapKind::Lww, as_bytes("key"), {})));
}

TEST_CASE("record table: visiting a key's region gives all of its elements") {
  TableReplica replica(MapKind::Or);
  for (const char* key : {"a", "b", "c"}) {
    for (uint64_t sequence = 1; sequence <= 40; ++sequence) {
      replica.merge(element(key, sequence, "v"));
    }
  }
  size_t count = 0;
  replica.table.visit(RecordTable::key_region(as_bytes("b")),
                      [&](uint64_t, uint64_t, const Record& record) {
                        if (as_text(record.key) == "b") ++count;
                      });
  CHECK(count == 40);
}

TEST_CASE("record table: collection takes what retired before the horizon, and no more") {
  TableReplica replica(MapKind::Lww);
  const OwnedRecord live = set("live", 10, "v"), lasting = set("lasting", 10, "v", 91);
  const OwnedRecord fresh = removal("fresh", 100);
  for (const OwnedRecord& record : {live, lasting, fresh}) replica.merge(record);
  const MerkleRoot without = replica.table.root();
  replica.merge(removal("old", 99));
  replica.merge(removal("first", 0));
  replica.merge(set("expired", 10, "v", 89));
  CHECK(replica.table.collect(100) == 3);
  CHECK(state_of(replica.table) == std::vector<OwnedRecord>{fresh, lasting, live});
  CHECK(replica.table.root() == without);
  CHECK(replica.table.collect(100) == 0);
}

TEST_CASE("record table: clearing gives everything back, and the table can be used again") {
  TableReplica replica(MapKind::Lww);
  for (int i = 0; i < 100; ++i) replica.merge(set("k" + std::to_string(i), 1, "v"));
  replica.merge(set("big", 1, std::string(5000, 'v')));
  replica.table.clear();
  CHECK(replica.table.size() == 0);
  CHECK(replica.table.record_bytes() == 0);
  CHECK(replica.table.root() == MerkleRoot{});
  CHECK(state_of(replica.table).empty());
  CHECK(replica.merge(set("k1", 1, "v")));
  CHECK(replica.table.size() == 1);
}

TEST_CASE("record table: one slab serves many tables") {
  Slab slab;
  RecordTable left(MapKind::Lww, slab), right(MapKind::Lww, slab);
  const OwnedRecord ours = set("k", 1, "ours"), theirs = set("k", 1, "theirs");
  left.merge(ours.view());
  right.merge(theirs.view());
  left.clear();
  CHECK(find(right, "k") == theirs);
}

TEST_CASE("record table: looking ahead keeps the order, also while the table grows") {
  for (const size_t count : {0, 1, 7, 8, 15, 16, 17, 100}) {
    CAPTURE(count);
    TableReplica ahead(MapKind::Lww), plain(MapKind::Lww);
    std::vector<OwnedRecord> records;
    for (size_t i = 0; i < count; ++i) records.push_back(set("k" + std::to_string(i % 90), i, "v"));
    size_t next = 0;
    const auto key_at = [&](size_t i) { return as_bytes(records[i].key); };
    ahead.table.for_each_prefetched(count, key_at, [&](size_t i, uint64_t key_hash) {
      CHECK(i == next++);
      CHECK(key_hash == RecordTable::key_hash(as_bytes(records[i].key)));
      ahead.table.merge_at(RecordTable::placement(MapKind::Lww, key_hash, {}), records[i].view(),
                           [](const Record&) {});
    });
    CHECK(next == count);
    for (const OwnedRecord& record : records) plain.merge(record);
    CHECK(ahead.table.root() == plain.table.root());
  }
}

struct FieldCase {
  const char* name;
  OwnedRecord left, right;
};

TEST_CASE("record table: states that differ in one field have different roots") {
  const Stamp stamp{stamp_time(5, 1), {1}};
  const std::string tag_a(16, 'a'), tag_b(16, 'b');
  const FieldCase cases[] = {
      {"key", {"k", tag_a, stamp, 0, false, "v"}, {"l", tag_a, stamp, 0, false, "v"}},
      {"tag", {"k", tag_a, stamp, 0, false, "v"}, {"k", tag_b, stamp, 0, false, "v"}},
      {"value", {"k", tag_a, stamp, 0, false, "v"}, {"k", tag_a, stamp, 0, false, "w"}},
      {"value size", {"k", tag_a, stamp, 0, false, "v"}, {"k", tag_a, stamp, 0, false, "vv"}},
      {"life", {"k", tag_a, stamp, 0, false, "v"}, {"k", tag_a, stamp, 1, false, "v"}},
      {"length of life", {"k", tag_a, stamp, 1, false, "v"}, {"k", tag_a, stamp, 2, false, "v"}},
      {"tombstone", {"k", tag_a, stamp, 0, false, "v"}, {"k", tag_a, stamp, 0, true, ""}},
      {"milliseconds",
       {"k", tag_a, stamp, 0, false, "v"},
       {"k", tag_a, {stamp_time(6, 1), {1}}, 0, false, "v"}},
      {"counter of the stamp",
       {"k", tag_a, stamp, 0, false, "v"},
       {"k", tag_a, {stamp_time(5, 2), {1}}, 0, false, "v"}},
      {"author of the stamp",
       {"k", tag_a, stamp, 0, false, "v"},
       {"k", tag_a, {stamp.time, {2}}, 0, false, "v"}},
      {"stamp of a tombstone",
       {"k", tag_a, stamp, 0, true, ""},
       {"k", tag_a, {stamp.time + 1, {1}}, 0, true, ""}},
  };
  for (const FieldCase& c : cases) {
    CAPTURE(c.name);
    TableReplica left(MapKind::Or), right(MapKind::Or);
    for (TableReplica* replica : {&left, &right}) replica->merge(element("common", 1, "v"));
    left.merge(c.left);
    right.merge(c.right);
    CHECK(left.table.root().sum != right.table.root().sum);
    CHECK(left.table.root().mixed_sum != right.table.root().mixed_sum);
  }
}

TEST_CASE("record table: a tombstone counts in the root, and is not absence") {
  TableReplica with(MapKind::Lww), without(MapKind::Lww);
  with.merge(set("k", 1, "v"));
  with.merge(removal("k", 2));
  CHECK_FALSE(with.table.root() == without.table.root());
  CHECK(with.table.forget(as_bytes("k"), {}));
  CHECK(with.table.root() == without.table.root());
}

}  // namespace
}  // namespace topgun
