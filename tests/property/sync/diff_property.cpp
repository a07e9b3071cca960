#include <map>

#include "core/sync/diff.hpp"
#include "tests/support/property.hpp"
#include "tests/support/records.hpp"

// Two replicas that compare trees and exchange what differs end with equal states, in few steps,
// and send little more than what differs. Every step goes over the wire format.

namespace topgun {
namespace {

struct Exchange {
  size_t steps = 0;
  size_t bytes = 0;    ///< Of the Diff messages.
  size_t records = 0;  ///< Sent, in both directions.
};

DiffMessage over_the_wire(const DiffMessage& message, Exchange& exchange) {
  Bytes frame;
  MessageWriter(frame).diff(message);
  exchange.bytes += frame.size();
  FrameReader reader(frame);
  const Result<DiffMessage> decoded = decode_diff(reader.next()->payload);
  REQUIRE(decoded.ok());
  return *decoded;
}

/// One conversation, begun by `asker`.
Exchange converse(TableReplica& asker, TableReplica& answerer, uint8_t slice) {
  Exchange exchange;
  TableReplica* sender = &asker;
  TableReplica* receiver = &answerer;
  DiffMessage message = first_diff(1, slice, root_children(asker.table));
  for (; !message.empty() && exchange.steps < 64; ++exchange.steps) {
    const DiffMessage received = over_the_wire(message, exchange);
    std::vector<OwnedRecord> sent;
    message = answer_diff(receiver->table, received,
                          [&](const Record& record) { sent.push_back(OwnedRecord::of(record)); });
    for (const OwnedRecord& record : sent) sender->merge(record);
    exchange.records += sent.size();
    std::swap(sender, receiver);
  }
  CHECK(message.empty());
  return exchange;
}

OwnedRecord lww_record(uint64_t number, uint64_t ms) {
  return {"key" + std::to_string(number), "", {stamp_time(ms, 0), {1}}, 0, false, "v"};
}

OwnedRecord or_record(uint64_t number, uint64_t ms) {
  // Few keys with many elements: records share the upper bits of their placement.
  const TagBytes tag = element_tag({{number}, 1});
  return {
      "key" + std::to_string(number % 3), text_of(tag), {stamp_time(ms, 0), {1}}, 0, false, "v"};
}

OwnedRecord record_of(MapKind kind, uint64_t number, uint64_t ms) {
  return kind == MapKind::Lww ? lww_record(number, ms) : or_record(number, ms);
}

/// One of a dozen states of record `number`; two draws may differ in stamp, content or not at all.
OwnedRecord random_state(Gen& gen, MapKind kind, uint64_t number) {
  OwnedRecord record = record_of(kind == MapKind::Lww ? MapKind::Lww : MapKind::Or, number, 1);
  const uint16_t counter = static_cast<uint16_t>(gen.below(3));
  const uint64_t ms = 1 + gen.below(2);
  record.stamp = {stamp_time(ms, counter), {1 + gen.below(2)}};
  if (kind == MapKind::Counter) {
    record.tag.resize(8);
    const uint64_t positive = gen.below(3);
    const uint64_t negative = gen.below(3);
    record.value = text_of(encode_counter({positive, negative}));
  } else if (gen.chance(1, 3)) {
    record.tombstone = true;
    record.value.clear();
  }
  return record;
}

TEST_CASE("diff: two replicas that converse end with equal states") {
  for_each_seed(150, [](Gen& gen) {
    const MapKind kind = gen.pick({MapKind::Lww, MapKind::Or});
    const uint64_t count = gen.pick({uint64_t{0}, uint64_t{10}, uint64_t{300}, uint64_t{3000}});
    const uint64_t denominator = gen.pick({uint64_t{1}, uint64_t{3}, uint64_t{100}});
    TableReplica left(kind), right(kind);
    size_t differing = 0;
    for (uint64_t number = 0; number < count; ++number) {
      const bool differs = gen.chance(1, denominator);
      differing += differs ? 1 : 0;
      const uint64_t where = differs ? gen.below(3) : 2;
      if (where != 0) left.merge(record_of(kind, number, 1));
      if (where != 1) right.merge(record_of(kind, number, differs && where == 2 ? 2 : 1));
    }
    // A slice may deceive; the next conversation uses another, and as few are left, it will do.
    CAPTURE(count);
    CAPTURE(differing);
    size_t records = 0;
    for (uint8_t slice = 0; slice < 2; ++slice) {
      const Exchange exchange = converse(left, right, slice);
      records += exchange.records;
      CHECK(exchange.steps <= 20);
      // The first look, then for each difference one path of eight hashes a level, with room.
      CHECK(exchange.bytes <= 300 + differing * 8 * 2 * 20);
    }
    CHECK(left.table.root() == right.table.root());
    CHECK(state_of(left.table) == state_of(right.table));
    // Each difference is settled by one record, but where one side has so many more that it does
    // not ask first.
    CHECK(records >= differing);
    CHECK(records <= differing + differing / 4);
  });
}

TEST_CASE("diff: whatever the two replicas hold of a record, they end with equal states") {
  for_each_seed(150, [](Gen& gen) {
    const MapKind kind = gen.pick({MapKind::Lww, MapKind::Or, MapKind::Counter});
    TableReplica left(kind), right(kind);
    const uint64_t count = gen.below(400);
    for (uint64_t number = 0; number < count; ++number) {
      const OwnedRecord common = random_state(gen, kind, number);
      left.merge(common);
      right.merge(common);
      if (!gen.chance(1, 3)) continue;
      left.merge(random_state(gen, kind, number));
      right.merge(random_state(gen, kind, number));
    }
    for (uint8_t slice = 0; slice < kDiffSlices; ++slice) converse(left, right, slice);
    CHECK(state_of(left.table) == state_of(right.table));
  });
}

TEST_CASE("diff: of two states of a record, only the one that stays travels") {
  TableReplica left(MapKind::Lww), right(MapKind::Lww);
  for (uint64_t number = 0; number < 1000; ++number) {
    left.merge(lww_record(number, number % 10 == 1 ? 2 : 1));
    right.merge(lww_record(number, number % 10 == 2 ? 2 : 1));
  }
  CHECK(converse(left, right, 0).records == 200);
  CHECK(left.table.root() == right.table.root());
}

TEST_CASE("diff: a conversation deceived by one slice is put right by another") {
  // Two states of one key whose hashes agree in slice 0: the first pair among a few hundred values.
  std::map<uint16_t, std::string> seen;
  std::optional<std::pair<std::string, std::string>> pair;
  for (uint64_t number = 0; !pair; ++number) {
    OwnedRecord record = lww_record(0, 1);
    record.value = "v" + std::to_string(number);
    TableReplica replica(MapKind::Lww);
    replica.merge(record);
    const auto [other, is_new] =
        seen.emplace(hash_slice(replica.table.root().sum, 0), record.value);
    if (!is_new) pair = {other->second, record.value};
  }
  TableReplica left(MapKind::Lww), right(MapKind::Lww);
  OwnedRecord record = lww_record(0, 1);
  record.value = pair->first;
  left.merge(record);
  record.value = pair->second;
  right.merge(record);
  CHECK(converse(left, right, 0).records == 0);
  CHECK(converse(left, right, 1).records > 0);
  CHECK(left.table.root() == right.table.root());
}

TEST_CASE("diff: equal replicas find out in one step of constant size") {
  for (const uint64_t count : {0, 10, 5000}) {
    TableReplica left(MapKind::Lww), right(MapKind::Lww);
    for (uint64_t number = 0; number < count; ++number) {
      left.merge(lww_record(number, 1));
      right.merge(lww_record(count - 1 - number, 1));
    }
    const Exchange exchange = converse(left, right, 1);
    CHECK(exchange.steps == 1);
    CHECK(exchange.bytes < 150);
    CHECK(exchange.records == 0);
  }
}

}  // namespace
}  // namespace topgun
