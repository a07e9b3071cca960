#include "host-native/json/batch_json.hpp"

#include <algorithm>

#include "host-native/json/value_json.hpp"

namespace topgun::host {

namespace json = boost::json;

namespace {

constexpr std::string_view kMapKinds[] = {"", "lww", "or", "counter"};
constexpr std::string_view kOperationKinds[] = {"", "set", "remove", "add", "remove_tags", "count"};

/// A payload and the operation that borrows it.
struct ReadOperation {
  Operation operation;
  Bytes payload;
};

void write_element(JsonWriter& out, uint64_t replica, uint64_t sequence) {
  out.name("replica");
  out.id(replica);
  out.name("sequence");
  out.count(sequence);
}

void write_time(JsonWriter& out, uint64_t time) {
  out.name("time_ms");
  out.count(time >> 16);
  out.name("counter");
  out.integer(static_cast<uint16_t>(time));
}

uint64_t read_time(JsonMembers& members, uint64_t fallback_ms, uint64_t fallback_counter) {
  const uint64_t ms = members.number("time_ms", fallback_ms, kStampMsMax);
  return stamp_time(ms, static_cast<uint16_t>(members.number("counter", fallback_counter, 65535)));
}

void write_totals(JsonWriter& out, CounterTotals totals) {
  out.name("positive");
  out.count(totals.positive);
  out.name("negative");
  out.count(totals.negative);
}

// --- operations ---

void write_payload(JsonWriter& out, const Operation& operation) {
  switch (operation.kind) {
    case OperationKind::LwwSet:
    case OperationKind::OrAdd:
      out.name("value");
      return write_value_json(out, ValueView(operation.payload));
    case OperationKind::LwwRemove:
      return;
    case OperationKind::CounterAdd:
      return write_totals(out, totals_of(operation));
    case OperationKind::OrRemove: {
      out.name("tags");
      out.begin_array();
      ByteReader in(operation.payload);
      for (uint64_t left = in.varint(); left > 0; --left) {
        const uint64_t replica = in.u64();
        out.begin_object();
        write_element(out, replica, in.varint());
        out.end_object();
      }
      return out.end_array();
    }
  }
}

Bytes read_tags(JsonMembers& members, JsonProblem& problem) {
  const json::array& tags = members.array("tags");
  Bytes payload;
  ByteWriter to(payload);
  to.varint(tags.size());
  for (const json::value& value : tags) {
    JsonMembers tag(value, problem);
    to.u64(tag.number("replica"));
    to.varint(tag.number("sequence"));
    tag.expect_no_others();
  }
  return payload;
}

Bytes read_payload(JsonMembers& members, JsonProblem& problem, OperationKind kind) {
  Bytes payload;
  switch (kind) {
    case OperationKind::LwwSet:
    case OperationKind::OrAdd: {
      const json::value* value = members.value("value");
      if (value == nullptr) problem.say("'value': expected a value");
      if (value != nullptr) read_value_json(*value, problem, payload);
      break;
    }
    case OperationKind::LwwRemove:
      break;
    case OperationKind::OrRemove:
      return read_tags(members, problem);
    case OperationKind::CounterAdd:
      ByteWriter to(payload);
      to.varint(members.number("positive", 0));
      to.varint(members.number("negative", 0));
      break;
  }
  return payload;
}

OperationKind read_operation_kind(JsonMembers& members, JsonProblem& problem, MapKind map_kind) {
  const std::string_view name = members.text("operation");
  for (uint8_t kind = 1; is_operation_kind(kind); ++kind) {
    const auto operation_kind = static_cast<OperationKind>(kind);
    if (name == kOperationKinds[kind] && map_kind_of(operation_kind) == map_kind) {
      return operation_kind;
    }
  }
  problem.say(
      "'operation': expected set or remove (lww), add or remove_tags (or), count (counter)");
  return OperationKind::LwwRemove;
}

/// The operation at `index` of its batch; what was left out counts on from there.
ReadOperation read_operation(const json::value& value, JsonProblem& problem, MapKind map_kind,
                             uint64_t now_ms, uint64_t index) {
  JsonMembers members(value, problem);
  ReadOperation read;
  Operation& operation = read.operation;
  operation.kind = read_operation_kind(members, problem, map_kind);
  operation.sequence = members.number("sequence", index + 1);
  operation.time = read_time(members, now_ms, index);
  operation.ttl_ms = members.number("ttl_ms", 0, kTtlMsMax);
  // Borrowed from the JSON, which outlives the operation.
  operation.key = as_bytes(members.text("key"));
  read.payload = read_payload(members, problem, operation.kind);
  operation.payload = read.payload;
  members.expect_no_others();
  if (!problem.empty()) return read;
  if (const auto fits = check_operation(operation); !fits.ok()) {
    problem.say(fits.error(), "an operation's key, tags or value is not one");
  }
  return read;
}

// --- records ---

void write_record(JsonWriter& out, MapKind kind, const Record& record) {
  out.begin_object();
  out.name("key");
  out.text(as_text(record.key));
  write_time(out, record.stamp.time);
  out.name("replica");
  out.id(record.stamp.replica.value);
  if (record.ttl_ms != 0) {
    out.name("ttl_ms");
    out.count(record.ttl_ms);
  }
  ByteReader tag(record.tag);
  if (kind != MapKind::Lww) {
    out.name("tag");
    out.begin_object();
    out.name("replica");
    out.id(tag.u64());
    if (kind == MapKind::Or) {
      out.name("sequence");
      out.count(tag.u64());
    }
    out.end_object();
  }
  if (record.tombstone) {
    out.name("tombstone");
    out.boolean(true);
  } else if (kind == MapKind::Counter) {
    write_totals(out, decode_counter(record.value));
  } else {
    out.name("value");
    write_value_json(out, ValueView(record.value));
  }
  out.end_object();
}

Bytes read_tag(JsonMembers& members, JsonProblem& problem, MapKind kind) {
  Bytes bytes;
  if (kind == MapKind::Lww) return bytes;
  const json::value* value = members.value("tag");
  if (value == nullptr) {
    problem.say("'tag': expected an object");
    return bytes;
  }
  JsonMembers tag(*value, problem);
  ByteWriter to(bytes);
  to.u64(tag.number("replica"));
  if (kind == MapKind::Or) to.u64(tag.number("sequence"));
  tag.expect_no_others();
  return bytes;
}

Bytes read_record_value(JsonMembers& members, JsonProblem& problem, MapKind kind) {
  if (kind == MapKind::Counter) {
    CounterTotals totals;
    totals.positive = members.number("positive", 0);
    totals.negative = members.number("negative", 0);
    const CounterBytes bytes = encode_counter(totals);
    return Bytes(bytes.begin(), bytes.end());
  }
  Bytes bytes;
  const json::value* value = members.value("value");
  if (value == nullptr) problem.say("'value': expected a value");
  if (value != nullptr) read_value_json(*value, problem, bytes);
  return bytes;
}

void read_record(const json::value& value, JsonProblem& problem, MapKind kind,
                 RecordBatchBuilder& builder) {
  JsonMembers members(value, problem);
  Record record;
  record.key = as_bytes(members.text("key"));
  record.stamp.time = read_time(members, 0, 0);
  record.stamp.replica.value = members.number("replica");
  record.ttl_ms = members.number("ttl_ms", 0, kTtlMsMax);
  record.tombstone = members.flag("tombstone", false);
  const Bytes tag = read_tag(members, problem, kind);
  record.tag = tag;
  Bytes bytes;
  if (!record.tombstone) bytes = read_record_value(members, problem, kind);
  record.value = bytes;
  members.expect_no_others();
  if (!problem.empty()) return;
  if (const auto fits = check_record(kind, record); !fits.ok()) {
    problem.say(fits.error(), "a record's key, tag or value is not one");
    return;
  }
  builder.add(record);
}

}  // namespace

std::string_view map_kind_name(MapKind kind) { return kMapKinds[static_cast<uint8_t>(kind)]; }

MapKind read_map_kind(JsonMembers& members, JsonProblem& problem) {
  const std::string_view name = members.text("map_kind", kMapKinds[1]);
  for (uint8_t kind = 1; is_map_kind(kind); ++kind) {
    if (name == kMapKinds[kind]) return static_cast<MapKind>(kind);
  }
  problem.say("'map_kind': expected lww, or, counter");
  return MapKind::Lww;
}

void write_operations_json(JsonWriter& out, ByteView bytes) {
  OperationBatch batch;
  if (!decode_operations(bytes, Values::Validate, batch).ok()) {
    out.name("batch");
    return out.bytes(bytes);
  }
  const OperationBatchHeader& header = batch.header;
  out.name("map_kind");
  out.text(map_kind_name(header.kind));
  out.name("map");
  out.text(as_text(header.map));
  out.name("replica");
  out.id(header.replica.value);
  out.name("sequence_base");
  out.count(header.sequence_base);
  out.name("time_base_ms");
  out.count(header.time_base_ms);
  out.name("operations");
  out.begin_array();
  for (const Operation& operation : batch.operations) {
    out.begin_object();
    out.name("operation");
    out.text(kOperationKinds[static_cast<uint8_t>(operation.kind)]);
    out.name("sequence");
    out.count(operation.sequence);
    write_time(out, operation.time);
    if (operation.ttl_ms != 0) {
      out.name("ttl_ms");
      out.count(operation.ttl_ms);
    }
    out.name("key");
    out.text(as_text(operation.key));
    write_payload(out, operation);
    out.end_object();
  }
  out.end_array();
}

Bytes read_operations_json(JsonMembers& members, JsonProblem& problem,
                           const BatchDefaults& defaults) {
  if (members.has("batch")) return members.bytes("batch");
  OperationBatchHeader header;
  header.kind = read_map_kind(members, problem);
  header.map = as_bytes(members.text("map"));
  header.replica.value = members.number("replica", defaults.replica);
  if (header.map.empty() || header.map.size() > kMapNameBytesMax) {
    problem.say(Error::TooLarge, "'map': expected 1 to 256 bytes");
  }
  const json::array& list = members.array("operations");
  if (list.empty() || list.size() > kBatchOperationsMax) {
    problem.say(Error::TooLarge, "'operations': expected 1 to 4096 of them");
  }
  std::vector<ReadOperation> operations;
  uint64_t lowest_sequence = UINT64_MAX;
  uint64_t lowest_ms = kStampMsMax;
  for (const json::value& value : list) {
    if (!problem.empty()) break;
    operations.push_back(
        read_operation(value, problem, header.kind, defaults.now_ms, operations.size()));
    lowest_sequence = std::min(lowest_sequence, operations.back().operation.sequence);
    lowest_ms = std::min(lowest_ms, operations.back().operation.time >> 16);
  }
  header.sequence_base = members.number("sequence_base", lowest_sequence);
  header.time_base_ms = members.number("time_base_ms", lowest_ms, kStampMsMax);
  if (header.sequence_base > lowest_sequence) problem.say("'sequence_base' lies above a sequence");
  if (!problem.empty()) return {};
  OperationBatchBuilder builder;
  builder.begin(header);
  for (const ReadOperation& read : operations) builder.add(read.operation);
  return builder.finish();
}

void write_records_json(JsonWriter& out, ByteView bytes) {
  RecordBatch batch;
  if (!decode_records(bytes, Values::Validate, batch).ok()) {
    out.name("batch");
    return out.bytes(bytes);
  }
  out.name("map_kind");
  out.text(map_kind_name(batch.kind));
  out.name("map");
  out.text(as_text(batch.map));
  out.name("records");
  out.begin_array();
  for (const Record& record : batch.records) write_record(out, batch.kind, record);
  out.end_array();
}

Bytes read_records_json(JsonMembers& members, JsonProblem& problem) {
  if (members.has("batch")) return members.bytes("batch");
  const MapKind kind = read_map_kind(members, problem);
  const std::string_view map = members.text("map");
  if (map.empty() || map.size() > kMapNameBytesMax) {
    problem.say(Error::TooLarge, "'map': expected 1 to 256 bytes");
  }
  const json::array& records = members.array("records");
  if (records.empty() || records.size() > kBatchRecordsMax) {
    problem.say(Error::TooLarge, "'records': expected 1 to 4096 of them");
  }
  if (!problem.empty()) return {};
  RecordBatchBuilder builder;
  builder.begin(kind, as_bytes(map));
  for (const json::value& value : records) {
    if (!problem.empty()) return {};
    read_record(value, problem, kind, builder);
  }
  return problem.empty() ? builder.finish() : Bytes();
}

}  // namespace topgun::host
