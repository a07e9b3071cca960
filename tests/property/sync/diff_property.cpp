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
Exchange converse(TableReplica& asker, TableReplica& answerer, uint8_t half) {
  Exchange exchange;
  TableReplica* sender = &asker;
  TableReplica* receiver = &answerer;
  DiffMessage message = first_diff(1, half, root_children(asker.table));
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
    // Half a hash may deceive once in 2^32; the next conversation uses the other half.
    const Exchange exchange = converse(left, right, 0);
    CAPTURE(count);
    CAPTURE(differing);
    CHECK(left.table.root() == right.table.root());
    CHECK(state_of(left.table) == state_of(right.table));
    CHECK(exchange.steps <= 20);
    CHECK(exchange.records <= 2 * differing);
    // The first look, then for each difference one path of eight hashes a level, with room.
    CHECK(exchange.bytes <= 600 + differing * 8 * 4 * 20);
  });
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
    CHECK(exchange.bytes < 300);
    CHECK(exchange.records == 0);
  }
}

}  // namespace
}  // namespace topgun
