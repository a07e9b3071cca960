/// Goal: the native protocol as docs/protocol.md states it. The golden vectors hold messages and
/// batches with their fields, encoded from that page; here they are read, spelled out field by
/// field and written again.

#include <fstream>

#include "tests/support/recode.hpp"
#include "tests/support/records.hpp"

namespace topgun {
namespace {

struct Vector {
  std::string name, form, fields, hex, error;
};

std::vector<Vector> read_vectors() {
  std::ifstream file(TOPGUN_VECTORS_DIR "/protocol.tsv");
  REQUIRE(file.good());
  std::string line;
  std::getline(file, line);
  REQUIRE(line == "name\tform\tfields\thex\terror");
  std::vector<Vector> vectors;
  while (std::getline(file, line)) {
    std::vector<std::string> columns(1);
    for (const char c : line) {
      if (c == '\t') {
        columns.emplace_back();
      } else {
        columns.back() += c;
      }
    }
    REQUIRE(columns.size() == 5);
    vectors.push_back({columns[0], columns[1], columns[2], columns[3], columns[4]});
  }
  return vectors;
}

Bytes from_hex(const std::string& hex) {
  Bytes bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

/// Spells fields as the vectors do: `name=number` or `name=hex`, separated by spaces.
class Fields {
 public:
  Fields& number(const char* name, uint64_t value) { return add(name, std::to_string(value)); }
  Fields& bytes(const char* name, ByteView value) { return add(name, hex_of(value)); }
  Fields& bytes_or_dash(const char* name, ByteView value) {
    return add(name, value.empty() ? "-" : hex_of(value));
  }
  Fields& root(const MerkleRoot& root) {
    return add("root", std::to_string(root.sum) + "," + std::to_string(root.mixed_sum));
  }
  Fields& add(const std::string& name, const std::string& value) {
    return item(name + "=" + value);
  }
  Fields& item(const std::string& text) {
    text_ += (text_.empty() ? "" : " ") + text;
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

Result<std::string> spell_operations(ByteView bytes) {
  OperationBatch batch;
  const Result<void> decoded = decode_operations(bytes, Values::Validate, batch);
  if (!decoded.ok()) return decoded.error();
  Fields fields;
  fields.number("map_kind", static_cast<uint64_t>(batch.header.kind));
  fields.number("replica", batch.header.replica.value);
  fields.number("sequence_base", batch.header.sequence_base);
  fields.number("time_base", batch.header.time_base_ms).bytes("map", batch.header.map);
  for (const Operation& operation : batch.operations) {
    Fields inner;
    inner.number("kind", static_cast<uint64_t>(operation.kind));
    inner.number("sequence", operation.sequence);
    inner.number("ms", operation.time >> 16).number("counter", operation.time & 0xffff);
    inner.number("ttl", operation.ttl_ms).bytes("key", operation.key);
    inner.bytes_or_dash("payload", operation.payload);
    fields.item("[" + inner.text() + "]");
  }
  return fields.text();
}

Result<std::string> spell_records(ByteView bytes) {
  RecordBatch batch;
  const Result<void> decoded = decode_records(bytes, Values::Validate, batch);
  if (!decoded.ok()) return decoded.error();
  Fields fields;
  fields.number("map_kind", static_cast<uint64_t>(batch.kind)).bytes("map", batch.map);
  for (const Record& record : batch.records) {
    Fields inner;
    inner.number("tombstone", record.tombstone ? 1 : 0);
    inner.number("ms", record.stamp.ms()).number("counter", record.stamp.counter());
    inner.number("replica", record.stamp.replica.value).number("ttl", record.ttl_ms);
    inner.bytes("key", record.key).bytes_or_dash("tag", record.tag);
    inner.bytes_or_dash("value", record.value);
    fields.item("[" + inner.text() + "]");
  }
  return fields.text();
}

void spell(Fields& to, const HelloMessage& m) {
  to.number("version_min", m.version_min).number("version_max", m.version_max);
  to.number("replica", m.replica.value).number("instance", m.instance);
  std::string runs;
  for (const Run& run : m.history.runs) {
    runs += "[" + std::to_string(run.first) + ":" + std::to_string(run.last) + "]";
  }
  to.number("complete", m.history.complete ? 1 : 0);
  to.number("current_stored", m.history.current_stored ? 1 : 0).add("runs", runs);
  to.number("client_ms", m.client_ms);
  to.bytes("token", m.token).number("ack_level_min", static_cast<uint64_t>(m.ack_level_min));
}

void spell(Fields& to, const SubscribeMessage& m) {
  to.number("subscription", m.subscription).number("map_kind", static_cast<uint64_t>(m.kind));
  to.bytes("map", m.map).bytes("cursor", m.cursor).number("synced_ms", m.synced_ms);
  to.root(m.root).number("records", m.records);
}

std::string spell(const HashPrefix& prefix) {
  return std::to_string(prefix.depth) + "/" + std::to_string(prefix.bits) + ":";
}

std::string spell(const std::vector<uint16_t>& numbers) {
  std::string text;
  for (const uint16_t number : numbers) {
    text += (text.empty() ? "" : ",") + std::to_string(number);
  }
  return text;
}

std::string spell(const std::vector<DiffMessage::Entry>& entries) {
  std::string text;
  for (const DiffMessage::Entry& entry : entries) {
    text += "[" + spell(entry.prefix) + spell(entry.numbers) + "]";
  }
  return text;
}

std::string spell(const std::vector<DiffMessage::Claim>& claims) {
  std::string text;
  for (const DiffMessage::Claim& claim : claims) {
    text += "[" + spell(claim.prefix) + spell(claim.missing) + ":";
    for (const DiffMessage::Offer& offer : claim.offers) {
      text += "(" + std::to_string(offer.identity) + "," + std::to_string(offer.rank) + ")";
    }
    text += "]";
  }
  return text;
}

void spell(Fields& to, const DiffMessage& m) {
  std::string nodes;
  for (const HashPrefix& node : m.nodes) nodes += "[" + spell(node) + "]";
  to.number("subscription", m.subscription).number("slice", m.slice);
  to.number("child_bits", m.child_bits).add("nodes", nodes).add("children", spell(m.children));
  to.add("leaves", spell(m.leaves)).add("claims", spell(m.claims)).add("wants", spell(m.wants));
}

void spell(Fields& to, const RecordsMessage& m) {
  to.number("subscription", m.subscription).bytes("batch", m.batch);
}

void spell(Fields& to, const WelcomeMessage& m) {
  to.number("version", m.version).number("node_id", m.node_id);
  to.number("incarnation", m.incarnation).number("node_ms", m.node_ms);
  to.number("horizon_ms", m.horizon_ms).number("frame_bytes_max", m.frame_bytes_max);
  to.number("operations_in_flight_max", m.operations_in_flight_max);
  to.number("level_max", static_cast<uint64_t>(m.level_max));
}

void spell(Fields& to, const AckMessage& m) {
  to.number("level", static_cast<uint64_t>(m.level)).number("sequence", m.sequence);
}

void spell(Fields& to, const RejectMessage& m) {
  to.number("sequence", m.sequence).number("count", m.count).number("error", m.error);
  to.bytes("detail", m.detail);
}

void spell(Fields& to, const SubscribedMessage& m) {
  to.number("subscription", m.subscription).number("mode", static_cast<uint64_t>(m.mode));
  to.number("horizon_ms", m.horizon_ms);
}

void spell(Fields& to, const ChangesMessage& m) {
  to.number("shard", m.shard).number("version", m.version).bytes("batch", m.batch);
}

void spell(Fields& to, const SyncedMessage& m) {
  to.number("subscription", m.subscription).bytes("cursor", m.cursor);
  to.number("node_ms", m.node_ms).root(m.root);
}

void spell(Fields& to, const ExchangeMessage& m) {
  to.number("wait_ms", m.wait_ms).number("answer_bytes_max", m.answer_bytes_max);
  to.number("quiet", m.quiet ? 1 : 0);
}

void spell(Fields& to, const QueryMessage& m) {
  to.number("id", m.id).number("live", m.live ? 1 : 0).number("known", m.known);
  to.bytes("map", m.map).bytes_or_dash("query", m.query);
}

void spell(Fields& to, const AnswerMessage& m) {
  to.number("query", m.query).number("first", m.first ? 1 : 0).number("last", m.last ? 1 : 0);
  to.number("known", m.known).bytes_or_dash("part", m.part);
}

void spell(Fields& to, const StepsMessage& m) {
  to.number("query", m.query).bytes_or_dash("steps", m.steps);
}

void spell(Fields& to, const QueryFailedMessage& m) {
  to.number("query", m.query).number("error", m.error).bytes_or_dash("detail", m.detail);
}

void spell(Fields& to, const MoreMessage& m) {
  to.number("subscription", m.subscription).bytes("cursor", m.cursor);
}

void spell(Fields& to, const ErrorMessage& m) {
  to.number("error", m.error).number("fatal", m.fatal ? 1 : 0);
  to.number("retry_after_ms", m.retry_after_ms).bytes("detail", m.detail);
}

template <typename T>
Result<std::string> spelled(const Result<T>& decoded) {
  if (!decoded.ok()) return decoded.error();
  Fields fields;
  spell(fields, *decoded);
  return fields.text();
}

Result<std::string> spelled_number(const char* name, const Result<uint64_t>& decoded) {
  if (!decoded.ok()) return decoded.error();
  return Fields().number(name, *decoded).text();
}

Result<std::string> spelled_bytes(const char* name, const Result<ByteView>& decoded) {
  if (!decoded.ok()) return decoded.error();
  return Fields().bytes(name, *decoded).text();
}

Result<std::string> spell_message(const MessageView& message) {
  const ByteView payload = message.payload;
  switch (static_cast<MessageKind>(message.kind)) {
    case MessageKind::Hello:
      return spelled(decode_hello(payload));
    case MessageKind::Operations:
      return spelled_bytes("batch", payload);
    case MessageKind::Subscribe:
      return spelled(decode_subscribe(payload));
    case MessageKind::Unsubscribe:
      return spelled_number("subscription", decode_unsubscribe(payload));
    case MessageKind::Diff:
      return spelled(decode_diff(payload));
    case MessageKind::Records:
      return spelled(decode_records_message(payload));
    case MessageKind::Ping:
    case MessageKind::Pong:
      return spelled_number("nonce", decode_nonce(payload));
    case MessageKind::Credit:
      return spelled_number("bytes", decode_credit(payload));
    case MessageKind::Authenticate:
      return spelled_bytes("token", decode_authenticate(payload));
    case MessageKind::Resume: {
      const Result<void> resume = decode_resume(payload);
      if (!resume.ok()) return resume.error();
      return std::string();
    }
    case MessageKind::Exchange:
      return spelled(decode_exchange(payload));
    case MessageKind::Welcome:
      return spelled(decode_welcome(payload));
    case MessageKind::Ack:
      return spelled(decode_ack(payload));
    case MessageKind::Reject:
      return spelled(decode_reject(payload));
    case MessageKind::Subscribed:
      return spelled(decode_subscribed(payload));
    case MessageKind::Changes:
      return spelled(decode_changes(payload));
    case MessageKind::Synced:
      return spelled(decode_synced(payload));
    case MessageKind::Error:
      return spelled(decode_error(payload));
    case MessageKind::Cloned:
      return spelled_number("common_sequence", decode_cloned(payload));
    case MessageKind::More:
      return spelled(decode_more(payload));
    case MessageKind::Query:
      return spelled(decode_query_message(payload));
    case MessageKind::EndQuery:
      return spelled_number("query", decode_end_query(payload));
    case MessageKind::Answer:
      return spelled(decode_answer(payload));
    case MessageKind::Steps:
      return spelled(decode_steps(payload));
    case MessageKind::QueryFailed:
      return spelled(decode_query_failed(payload));
  }
  return Error::UnknownMessage;
}

TEST_CASE("protocol vectors: each is refused with its error, or read and written to the byte") {
  const std::vector<Vector> vectors = read_vectors();
  CHECK(vectors.size() > 70);
  for (const Vector& vector : vectors) {
    CAPTURE(vector.name);
    const Bytes bytes = from_hex(vector.hex);
    Result<std::string> fields = Error::Internal;
    Result<Bytes> again = Error::Internal;
    if (vector.form == "operations") {
      fields = spell_operations(bytes);
      again = recode_operations(bytes);
    } else if (vector.form == "records") {
      fields = spell_records(bytes);
      again = recode_records(bytes);
    } else {
      REQUIRE(vector.form == "message");
      FrameReader reader(bytes);
      const std::optional<MessageView> message = reader.next();
      REQUIRE(message.has_value());
      CHECK_FALSE(reader.next().has_value());
      fields = spell_message(*message);
      again = recode_message(*message);
    }
    REQUIRE(fields.ok() == again.ok());
    CHECK((fields.ok() ? "" : error_name(fields.error())) == vector.error);
    if (!fields.ok()) continue;
    CHECK(*fields == vector.fields);
    // What a later version adds is passed over.
    if (vector.name.rfind("later_", 0) != 0) CHECK(hex_of(*again) == vector.hex);
  }
}

}  // namespace
}  // namespace topgun
