#include <map>

#include "core/replica/record_table.hpp"
#include "tests/support/colliding_keys.hpp"
#include "tests/support/property.hpp"
#include "tests/support/records.hpp"

// The table against a std::map under random writes with few keys, most of which want the same few
// slots at the end and at the start of the table. After every write the touched record and the
// sizes must agree; every now and then everything must: state, Merkle nodes at all depths, visits
// of regions, and a table rebuilt from scratch in another order.

namespace topgun {
namespace {

using Identity = std::pair<std::string, std::string>;  // Key and tag.

/// Both records put together; the rule of `kind`, said as simply as possible.
OwnedRecord join(MapKind kind, const OwnedRecord& left, const OwnedRecord& right) {
  const auto rank = [&](const OwnedRecord& r) {
    const bool removal_first = kind == MapKind::Or && r.tombstone;
    return std::make_tuple(removal_first, r.stamp, r.tombstone, r.ttl_ms, r.value);
  };
  if (kind != MapKind::Counter) return rank(left) < rank(right) ? right : left;
  const CounterTotals ours = decode_counter(as_bytes(left.value));
  const CounterTotals theirs = decode_counter(as_bytes(right.value));
  OwnedRecord joined = left;
  joined.stamp = std::max(left.stamp, right.stamp);
  joined.value = counter_value(std::max(ours.positive, theirs.positive),
                               std::max(ours.negative, theirs.negative));
  return joined;
}

class Model {
 public:
  explicit Model(MapKind kind) : kind_(kind) {}

  bool merge(const OwnedRecord& record) {
    const auto [at, inserted] = records_.emplace(Identity{record.key, record.tag}, record);
    if (inserted) return true;
    const OwnedRecord joined = join(kind_, at->second, record);
    const bool changed = !(joined == at->second);
    at->second = joined;
    return changed;
  }

  size_t collect(uint64_t horizon_ms) {
    return std::erase_if(records_, [&](const auto& entry) {
      const OwnedRecord& record = entry.second;
      const bool dies = record.tombstone || record.ttl_ms != 0;
      return dies && record.stamp.ms() + record.ttl_ms < horizon_ms;
    });
  }

  bool forget(const Identity& identity) { return records_.erase(identity) != 0; }
  void clear() { records_.clear(); }
  size_t size() const { return records_.size(); }

  std::optional<OwnedRecord> find(const Identity& identity) const {
    const auto at = records_.find(identity);
    if (at == records_.end()) return std::nullopt;
    return at->second;
  }

  std::vector<OwnedRecord> state() const {
    std::vector<OwnedRecord> records;
    for (const auto& entry : records_) records.push_back(entry.second);
    return records;
  }

 private:
  MapKind kind_;
  std::map<Identity, OwnedRecord> records_;
};

const std::vector<std::string>& keys() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> keys = {"a", "b", "c"};
    for (const uint8_t top : {0xff, 0x00, 0xfe}) {
      const std::vector<std::string> colliding = colliding_keys(top, 20);
      keys.insert(keys.end(), colliding.begin(), colliding.end());
    }
    return keys;
  }();
  return all;
}

Identity draw_identity(Gen& gen, MapKind kind, uint64_t key_count) {
  // A stride through the keys, so that few keys still cover the colliding groups.
  const std::string key = keys()[static_cast<size_t>(gen.below(key_count) * 7 % keys().size())];
  if (kind == MapKind::Lww) return {key, ""};
  return {key, std::string(kind == MapKind::Or ? 16 : 8, static_cast<char>('0' + gen.below(4)))};
}

std::string draw_value(Gen& gen) {
  const auto size =
      static_cast<size_t>(gen.chance(1, 10) ? gen.between(900, 1200) : gen.between(1, 40));
  return std::string(size, static_cast<char>('a' + gen.below(3)));
}

OwnedRecord draw_record(Gen& gen, MapKind kind, uint64_t key_count) {
  OwnedRecord record;
  std::tie(record.key, record.tag) = draw_identity(gen, kind, key_count);
  const uint64_t ms = gen.below(20);
  record.stamp.time = stamp_time(ms, static_cast<uint16_t>(gen.below(2)));
  record.stamp.replica = {1 + gen.below(2)};
  if (kind == MapKind::Counter) {
    const uint64_t positive = gen.below(5);
    record.value = counter_value(positive, gen.below(5));
    return record;
  }
  record.tombstone = gen.chance(1, 4);
  if (record.tombstone) return record;
  record.ttl_ms = gen.coin() ? gen.below(10) : 0;
  record.value = draw_value(gen);
  return record;
}

uint64_t placement_of(MapKind kind, const OwnedRecord& record) {
  return RecordTable::placement(kind, as_bytes(record.key), as_bytes(record.tag));
}

/// Region by region: what is visited is what lies there, and the node is the sum of it.
void check_region(const RecordTable& table, const std::vector<OwnedRecord>& state,
                  HashPrefix prefix) {
  std::vector<OwnedRecord> expected, visited;
  for (const OwnedRecord& record : state) {
    if (prefix.contains(placement_of(table.kind(), record))) expected.push_back(record);
  }
  uint64_t sum = 0;
  table.visit(prefix, [&](uint64_t placement, uint64_t record_hash, const Record& record) {
    visited.push_back(OwnedRecord::of(record));
    CHECK(placement == placement_of(table.kind(), visited.back()));
    sum += record_hash;
  });
  std::sort(visited.begin(), visited.end());
  CAPTURE(int{prefix.depth});
  CAPTURE(prefix.bits);
  CHECK(visited == expected);
  CHECK(table.node(prefix) == sum);
  for (const uint8_t bits : {uint8_t{1}, uint8_t{3}, uint8_t{6}}) {
    const std::vector<uint64_t> children = table.children(prefix, bits);
    REQUIRE(children.size() == size_t{1} << bits);
    for (size_t i = 0; i < children.size(); ++i) {
      CHECK(children[i] == table.node(prefix.child(bits, i)));
    }
  }
}

void check_everything(Gen& gen, const RecordTable& table, const Model& model) {
  std::vector<OwnedRecord> state = model.state();
  CHECK(state_of(table) == state);

  for (uint8_t depth = 0; depth <= 10; ++depth) {
    check_region(table, state, {depth, 0});
    check_region(table, state, {depth, (uint64_t{1} << depth) - 1});
  }
  if (!state.empty()) {
    const uint64_t inhabited = placement_of(table.kind(), gen.pick(state));
    for (uint8_t depth = 1; depth <= kPrefixDepthMax; ++depth) {
      check_region(table, state, {depth, inhabited >> (64 - depth)});
    }
  }

  gen.shuffle(std::span(state));
  TableReplica rebuilt(table.kind());
  for (const OwnedRecord& record : state) rebuilt.merge(record);
  CHECK(rebuilt.table.root() == table.root());
  CHECK(rebuilt.table.record_bytes() == table.record_bytes());
}

void play(Gen& gen, MapKind kind, size_t steps, uint64_t key_count) {
  TableReplica replica(kind);
  RecordTable& table = replica.table;
  Model model(kind);
  for (size_t step = 0; step < steps; ++step) {
    const uint64_t what = gen.below(100);
    if (what < 75) {
      const OwnedRecord record = draw_record(gen, kind, key_count);
      const std::optional<OwnedRecord> before = model.find({record.key, record.tag});
      std::optional<OwnedRecord> shown;
      const bool changed = table.merge(
          record.view(), [&](const Record& current) { shown = OwnedRecord::of(current); });
      CHECK(changed == model.merge(record));
      CHECK(shown == (changed ? before : std::nullopt));
      const std::optional<Record> found = table.find(as_bytes(record.key), as_bytes(record.tag));
      REQUIRE(found.has_value());
      CHECK(OwnedRecord::of(*found) == model.find({record.key, record.tag}));
    } else if (what < 97) {
      const Identity identity = draw_identity(gen, kind, key_count);
      const bool forgotten = table.forget(as_bytes(identity.first), as_bytes(identity.second));
      CHECK(forgotten == model.forget(identity));
      CHECK_FALSE(table.find(as_bytes(identity.first), as_bytes(identity.second)).has_value());
    } else if (what < 99) {
      const uint64_t horizon_ms = gen.below(25);
      CHECK(table.collect(horizon_ms) == model.collect(horizon_ms));
    } else if (gen.chance(1, 4)) {
      table.clear();
      model.clear();
    }
    CHECK(table.size() == model.size());
    if (step % 50 == 49) check_everything(gen, table, model);
  }
}

TEST_CASE("record table: behaves as a map of records and their hash tree, for every kind") {
  for (const MapKind kind : {MapKind::Lww, MapKind::Or, MapKind::Counter}) {
    CAPTURE(static_cast<int>(kind));
    for_each_seed(60, [&](Gen& gen) {
      // Few keys stay in the smallest table, many make it grow.
      const uint64_t key_count = gen.pick({uint64_t{2}, uint64_t{6}, uint64_t{63}});
      play(gen, kind, 400, key_count);
    });
  }
}

TEST_CASE("record table: roots are equal exactly where states are") {
  for_each_seed(300, [](Gen& gen) {
    const MapKind kind = gen.pick({MapKind::Lww, MapKind::Or, MapKind::Counter});
    TableReplica left(kind), right(kind);
    // Few choices, so that equal states happen as often as different ones.
    for (uint64_t i = 0; i < 3; ++i) {
      for (TableReplica* replica : {&left, &right}) {
        OwnedRecord record;
        std::tie(record.key, record.tag) = draw_identity(gen, kind, 1);
        if (kind != MapKind::Lww) record.tag.assign(kind == MapKind::Or ? 16 : 8, 't');
        record.stamp = {gen.below(2), {1}};
        record.value = kind == MapKind::Counter ? counter_value(gen.below(2), 0) : "v";
        replica->merge(record);
      }
      CHECK((left.table.root() == right.table.root()) ==
            (state_of(left.table) == state_of(right.table)));
    }
  });
}

TEST_CASE("record table: every order of writes and removals in the smallest table") {
  // Three keys in eight slots: the last slot, the last again, and the first, so that the probe run
  // wraps. All sequences of five steps, each a write or a removal of one of them.
  const std::string wanted[] = {colliding_keys(0xff, 2)[0], colliding_keys(0xff, 2)[1],
                                colliding_keys(0x00, 1)[0]};
  ExhaustiveGen gen;
  const uint64_t failed_before = failed_checks();
  while (gen.next_round() && failed_checks() == failed_before) {
    TableReplica replica(MapKind::Lww);
    Model model(MapKind::Lww);
    for (int step = 0; step < 5; ++step) {
      const std::string& key = wanted[gen.below(3)];
      if (gen.coin()) {
        CHECK(replica.table.forget(as_bytes(key), {}) == model.forget({key, ""}));
      } else {
        const OwnedRecord record = {key, "", {stamp_time(1, 0), {1}}, 0, false, key};
        CHECK(replica.merge(record) == model.merge(record));
      }
    }
    for (const std::string& key : wanted) {
      CHECK(replica.table.find(as_bytes(key), {}).has_value() == model.find({key, ""}).has_value());
    }
    for (uint8_t depth = 0; depth <= 4; ++depth) {
      check_region(replica.table, model.state(), {depth, 0});
      check_region(replica.table, model.state(), {depth, (uint64_t{1} << depth) - 1});
    }
  }
  CHECK_FALSE(gen.bounded());
}

}  // namespace
}  // namespace topgun
