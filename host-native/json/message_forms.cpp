#include "host-native/json/message_forms.hpp"

#include "host-native/json/batch_json.hpp"
#include "host-native/json/diff_json.hpp"

namespace topgun::host {

namespace json = boost::json;

namespace {

// --- the parts that several messages share ---

void write_root(JsonWriter& out, const MerkleRoot& root) {
  Bytes bytes;
  ByteWriter to(bytes);
  to.u64(root.sum);
  to.u64(root.mixed_sum);
  out.name("root");
  out.bytes(bytes);
}

MerkleRoot read_root(JsonMembers& members, JsonProblem& problem) {
  const Bytes bytes = members.bytes("root");
  if (!bytes.empty() && bytes.size() != 16) problem.say("'root': expected 16 bytes in base64url");
  if (bytes.size() != 16) return {};
  ByteReader in(bytes);
  MerkleRoot root;
  root.sum = in.u64();
  root.mixed_sum = in.u64();
  return root;
}

/// Text that the messages hold as bytes; borrows from the JSON.
ByteView read_text(JsonMembers& members, std::string_view name, size_t bytes_max,
                   JsonProblem& problem) {
  const std::string_view text = members.text(name, std::string_view());
  if (text.size() > bytes_max)
    problem.say(Error::TooLarge, "'" + std::string(name) + "': too long");
  return as_bytes(text);
}

/// Bytes that live as long as the message is written.
Bytes read_blob(JsonMembers& members, std::string_view name, size_t bytes_max,
                JsonProblem& problem) {
  Bytes bytes = members.bytes(name);
  if (bytes.size() > bytes_max)
    problem.say(Error::TooLarge, "'" + std::string(name) + "': too long");
  return bytes;
}

// --- one pair of functions a kind: false if the payload is not one ---

bool write_hello(JsonWriter& out, ByteView payload) {
  const auto hello = decode_hello(payload);
  if (!hello.ok()) return false;
  out.name("version_min");
  out.integer(hello->version_min);
  out.name("version_max");
  out.integer(hello->version_max);
  out.name("replica");
  out.id(hello->replica.value);
  out.name("instance");
  out.id(hello->instance);
  out.name("history");
  out.begin_object();
  out.name("complete");
  out.boolean(hello->history.complete);
  out.name("current_stored");
  out.boolean(hello->history.current_stored);
  out.name("runs");
  out.begin_array();
  for (const Run& run : hello->history.runs) {
    out.begin_object();
    out.name("first");
    out.count(run.first);
    out.name("issued");
    out.count(run.last - run.first + 1);
    out.end_object();
  }
  out.end_array();
  out.end_object();
  out.name("client_ms");
  out.count(hello->client_ms);
  out.name("token");
  out.bytes(hello->token);
  out.name("ack_level_min");
  out.integer(static_cast<uint8_t>(hello->ack_level_min));
  return true;
}

RunHistory read_history(JsonMembers& members, JsonProblem& problem) {
  RunHistory history;
  const json::value* value = members.value("history");
  if (value == nullptr) return history;
  JsonMembers parts(*value, problem);
  history.complete = parts.flag("complete", false);
  history.current_stored = parts.flag("current_stored", false);
  const json::array& runs = parts.array("runs");
  if (runs.size() > RunHistory::kRunsMax) problem.say(Error::TooLarge, "'runs': more than eight");
  for (const json::value& element : runs) {
    if (!problem.empty()) break;
    JsonMembers run(element, problem);
    const uint64_t first = run.number("first");
    const uint64_t issued = run.number("issued");
    run.expect_no_others();
    const uint64_t before = history.runs.empty() ? 0 : history.runs.back().last;
    if (first <= before || issued > UINT64_MAX - first) problem.say("'runs' ascend");
    history.runs.push_back({first, first + issued - 1});
  }
  parts.expect_no_others();
  return history;
}

void read_hello(MessageReading& in) {
  HelloMessage hello;
  hello.version_min = static_cast<uint8_t>(in.members.number("version_min", kProtocolVersion, 255));
  hello.version_max = static_cast<uint8_t>(in.members.number("version_max", kProtocolVersion, 255));
  hello.replica.value = in.members.number("replica", in.defaults.replica);
  in.replica = hello.replica.value;
  hello.instance = in.members.number("instance", 1);
  hello.history = read_history(in.members, in.problem);
  hello.client_ms = in.members.number("client_ms", in.defaults.now_ms);
  const Bytes token = read_blob(in.members, "token", kTokenBytesMax, in.problem);
  hello.token = token;
  hello.ack_level_min = static_cast<AckLevel>(
      in.members.number("ack_level_min", static_cast<uint8_t>(AckLevel::Memory), 4));
  in.to.hello(hello);
}

bool write_exchange(JsonWriter& out, ByteView payload) {
  const auto exchange = decode_exchange(payload);
  if (!exchange.ok()) return false;
  out.name("wait_ms");
  out.count(exchange->wait_ms);
  out.name("answer_bytes_max");
  out.count(exchange->answer_bytes_max);
  out.name("quiet");
  out.boolean(exchange->quiet);
  return true;
}

void read_exchange(MessageReading& in) {
  ExchangeMessage exchange;
  exchange.wait_ms = in.members.number("wait_ms", 0);
  exchange.answer_bytes_max = in.members.number("answer_bytes_max", 0);
  exchange.quiet = in.members.flag("quiet", false);
  in.to.exchange(exchange);
}

bool write_more(JsonWriter& out, ByteView payload) {
  const auto more = decode_more(payload);
  if (!more.ok()) return false;
  out.name("subscription");
  out.count(more->subscription);
  out.name("cursor");
  out.bytes(more->cursor);
  return true;
}

void read_more(MessageReading& in) {
  const uint64_t subscription = in.members.number("subscription");
  const Bytes cursor = read_blob(in.members, "cursor", kCursorBytesMax, in.problem);
  in.to.more({subscription, cursor});
}

bool write_operations(JsonWriter& out, ByteView payload) {
  write_operations_json(out, payload);
  return true;
}

void read_operations(MessageReading& in) {
  in.to.operations(read_operations_json(in.members, in.problem, {in.replica, in.defaults.now_ms}));
}

bool write_subscribe(JsonWriter& out, ByteView payload) {
  const auto subscribe = decode_subscribe(payload);
  if (!subscribe.ok()) return false;
  out.name("subscription");
  out.count(subscribe->subscription);
  out.name("map_kind");
  out.text(map_kind_name(subscribe->kind));
  out.name("map");
  out.text(as_text(subscribe->map));
  out.name("cursor");
  out.bytes(subscribe->cursor);
  out.name("synced_ms");
  out.count(subscribe->synced_ms);
  write_root(out, subscribe->root);
  out.name("records");
  out.count(subscribe->records);
  return true;
}

void read_subscribe(MessageReading& in) {
  SubscribeMessage subscribe;
  subscribe.subscription = in.members.number("subscription", in.index + 1);
  subscribe.kind = read_map_kind(in.members, in.problem);
  subscribe.map = read_text(in.members, "map", kMapNameBytesMax, in.problem);
  if (subscribe.map.empty()) in.problem.say("'map': expected 1 to 256 bytes");
  const Bytes cursor = read_blob(in.members, "cursor", kCursorBytesMax, in.problem);
  subscribe.cursor = cursor;
  subscribe.synced_ms = in.members.number("synced_ms", 0);
  subscribe.root = read_root(in.members, in.problem);
  subscribe.records = in.members.number("records", 0);
  in.to.subscribe(subscribe);
}

bool write_diff(JsonWriter& out, ByteView payload) {
  const auto diff = decode_diff(payload);
  if (diff.ok()) write_diff_json(out, *diff);
  return diff.ok();
}

void read_diff(MessageReading& in) {
  const DiffMessage diff = read_diff_json(in.members, in.problem);
  if (in.problem.empty()) in.to.diff(diff);
}

bool write_records(JsonWriter& out, ByteView payload) {
  const auto records = decode_records_message(payload);
  if (!records.ok()) return false;
  out.name("subscription");
  out.count(records->subscription);
  write_records_json(out, records->batch);
  return true;
}

void read_records(MessageReading& in) {
  const uint64_t subscription = in.members.number("subscription", 1);
  const Bytes batch = read_records_json(in.members, in.problem);
  in.to.records({subscription, batch});
}

bool write_changes(JsonWriter& out, ByteView payload) {
  const auto changes = decode_changes(payload);
  if (!changes.ok()) return false;
  out.name("shard");
  out.integer(changes->shard);
  out.name("version");
  out.count(changes->version);
  write_operations_json(out, changes->batch);
  return true;
}

void read_changes(MessageReading& in) {
  const auto shard = static_cast<uint16_t>(in.members.number("shard", 0, 65535));
  const uint64_t version = in.members.number("version");
  const Bytes batch =
      read_operations_json(in.members, in.problem, {in.replica, in.defaults.now_ms});
  in.to.changes({shard, version, batch});
}

bool write_authenticate(JsonWriter& out, ByteView payload) {
  const auto token = decode_authenticate(payload);
  if (!token.ok()) return false;
  out.name("token");
  out.bytes(*token);
  return true;
}

void read_authenticate(MessageReading& in) {
  in.to.authenticate(read_blob(in.members, "token", kTokenBytesMax, in.problem));
}

bool write_welcome(JsonWriter& out, ByteView payload) {
  const auto welcome = decode_welcome(payload);
  if (!welcome.ok()) return false;
  out.name("version");
  out.integer(welcome->version);
  out.name("node_id");
  out.id(welcome->node_id);
  out.name("incarnation");
  out.id(welcome->incarnation);
  out.name("node_ms");
  out.count(welcome->node_ms);
  out.name("horizon_ms");
  out.count(welcome->horizon_ms);
  out.name("frame_bytes_max");
  out.count(welcome->frame_bytes_max);
  out.name("operations_in_flight_max");
  out.count(welcome->operations_in_flight_max);
  out.name("level_max");
  out.integer(static_cast<uint8_t>(welcome->level_max));
  return true;
}

void read_welcome(MessageReading& in) {
  WelcomeMessage welcome;
  welcome.version = static_cast<uint8_t>(in.members.number("version", kProtocolVersion, 255));
  welcome.node_id = in.members.number("node_id");
  welcome.incarnation = in.members.number("incarnation");
  welcome.node_ms = in.members.number("node_ms");
  welcome.horizon_ms = in.members.number("horizon_ms");
  welcome.frame_bytes_max = in.members.number("frame_bytes_max");
  welcome.operations_in_flight_max = in.members.number("operations_in_flight_max");
  welcome.level_max = static_cast<AckLevel>(in.members.number("level_max", 1, 4));
  in.to.welcome(welcome);
}

bool write_ack(JsonWriter& out, ByteView payload) {
  const auto ack = decode_ack(payload);
  if (!ack.ok()) return false;
  out.name("level");
  out.integer(static_cast<uint8_t>(ack->level));
  out.name("sequence");
  out.count(ack->sequence);
  return true;
}

void read_ack(MessageReading& in) {
  const auto level = static_cast<AckLevel>(in.members.number("level", std::nullopt, 4));
  in.to.ack({level, in.members.number("sequence")});
}

void write_error_fields(JsonWriter& out, uint16_t error, ByteView detail) {
  const auto known = error_from_code(error);
  out.name("error");
  out.integer(error);
  if (known) {
    out.name("name");
    out.text(error_name(*known));
  }
  out.name("detail");
  out.text(as_text(detail));
}

bool write_reject(JsonWriter& out, ByteView payload) {
  const auto reject = decode_reject(payload);
  if (!reject.ok()) return false;
  out.name("sequence");
  out.count(reject->sequence);
  out.name("count");
  out.count(reject->count);
  write_error_fields(out, reject->error, reject->detail);
  return true;
}

void read_reject(MessageReading& in) {
  RejectMessage reject;
  reject.sequence = in.members.number("sequence");
  reject.count = in.members.number("count");
  reject.error = static_cast<uint16_t>(in.members.number("error", std::nullopt, 65535));
  in.members.text("name", std::string_view());
  reject.detail = read_text(in.members, "detail", kErrorDetailBytesMax, in.problem);
  in.to.reject(reject);
}

bool write_error(JsonWriter& out, ByteView payload) {
  const auto error = decode_error(payload);
  if (!error.ok()) return false;
  write_error_fields(out, error->error, error->detail);
  out.name("fatal");
  out.boolean(error->fatal);
  out.name("retry_after_ms");
  out.count(error->retry_after_ms);
  return true;
}

void read_error(MessageReading& in) {
  ErrorMessage error;
  error.error = static_cast<uint16_t>(in.members.number("error", std::nullopt, 65535));
  in.members.text("name", std::string_view());
  error.detail = read_text(in.members, "detail", kErrorDetailBytesMax, in.problem);
  error.fatal = in.members.flag("fatal", false);
  error.retry_after_ms = in.members.number("retry_after_ms", 0);
  in.to.error(error);
}

bool write_subscribed(JsonWriter& out, ByteView payload) {
  const auto subscribed = decode_subscribed(payload);
  if (!subscribed.ok()) return false;
  out.name("subscription");
  out.count(subscribed->subscription);
  out.name("mode");
  out.integer(static_cast<uint8_t>(subscribed->mode));
  out.name("horizon_ms");
  out.count(subscribed->horizon_ms);
  return true;
}

void read_subscribed(MessageReading& in) {
  SubscribedMessage subscribed;
  subscribed.subscription = in.members.number("subscription");
  subscribed.mode = static_cast<SyncMode>(in.members.number("mode", std::nullopt, 5));
  subscribed.horizon_ms = in.members.number("horizon_ms");
  in.to.subscribed(subscribed);
}

bool write_synced(JsonWriter& out, ByteView payload) {
  const auto synced = decode_synced(payload);
  if (!synced.ok()) return false;
  out.name("subscription");
  out.count(synced->subscription);
  out.name("cursor");
  out.bytes(synced->cursor);
  out.name("node_ms");
  out.count(synced->node_ms);
  write_root(out, synced->root);
  return true;
}

void read_synced(MessageReading& in) {
  SyncedMessage synced;
  synced.subscription = in.members.number("subscription");
  const Bytes cursor = read_blob(in.members, "cursor", kCursorBytesMax, in.problem);
  synced.cursor = cursor;
  synced.node_ms = in.members.number("node_ms");
  synced.root = read_root(in.members, in.problem);
  in.to.synced(synced);
}

// --- messages of one number, or none ---

bool write_number(JsonWriter& out, const char* name, const Result<uint64_t>& number) {
  if (!number.ok()) return false;
  out.name(name);
  out.count(*number);
  return true;
}

bool write_nonce(JsonWriter& out, ByteView payload) {
  const auto nonce = decode_nonce(payload);
  if (!nonce.ok()) return false;
  out.name("nonce");
  out.id(*nonce);
  return true;
}

bool write_unsubscribe(JsonWriter& out, ByteView payload) {
  return write_number(out, "subscription", decode_unsubscribe(payload));
}
bool write_credit(JsonWriter& out, ByteView payload) {
  return write_number(out, "bytes", decode_credit(payload));
}
bool write_cloned(JsonWriter& out, ByteView payload) {
  return write_number(out, "common_sequence", decode_cloned(payload));
}
bool write_resume(JsonWriter&, ByteView payload) { return decode_resume(payload).ok(); }

void read_unsubscribe(MessageReading& in) { in.to.unsubscribe(in.members.number("subscription")); }
void read_credit(MessageReading& in) { in.to.credit(in.members.number("bytes")); }
void read_cloned(MessageReading& in) { in.to.cloned(in.members.number("common_sequence")); }
void read_resume(MessageReading& in) { in.to.resume(); }
void read_ping(MessageReading& in) { in.to.ping(in.members.number("nonce")); }
void read_pong(MessageReading& in) { in.to.pong(in.members.number("nonce")); }

constexpr MessageForm kForms[] = {
    {MessageKind::Hello, "hello", write_hello, read_hello},
    {MessageKind::Operations, "operations", write_operations, read_operations},
    {MessageKind::Subscribe, "subscribe", write_subscribe, read_subscribe},
    {MessageKind::Unsubscribe, "unsubscribe", write_unsubscribe, read_unsubscribe},
    {MessageKind::Diff, "diff", write_diff, read_diff},
    {MessageKind::Records, "records", write_records, read_records},
    {MessageKind::Ping, "ping", write_nonce, read_ping},
    {MessageKind::Pong, "pong", write_nonce, read_pong},
    {MessageKind::Credit, "credit", write_credit, read_credit},
    {MessageKind::Authenticate, "authenticate", write_authenticate, read_authenticate},
    {MessageKind::Resume, "resume", write_resume, read_resume},
    {MessageKind::Exchange, "exchange", write_exchange, read_exchange},
    {MessageKind::Welcome, "welcome", write_welcome, read_welcome},
    {MessageKind::Ack, "ack", write_ack, read_ack},
    {MessageKind::Reject, "reject", write_reject, read_reject},
    {MessageKind::Subscribed, "subscribed", write_subscribed, read_subscribed},
    {MessageKind::Changes, "changes", write_changes, read_changes},
    {MessageKind::Synced, "synced", write_synced, read_synced},
    {MessageKind::Error, "error", write_error, read_error},
    {MessageKind::Cloned, "cloned", write_cloned, read_cloned},
    {MessageKind::More, "more", write_more, read_more},
};

}  // namespace

std::span<const MessageForm> message_forms() { return kForms; }

}  // namespace topgun::host
