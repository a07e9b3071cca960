#include "core/sync/messages.hpp"

#include <algorithm>

#include "core/value/utf8.hpp"

namespace topgun {
namespace {

void put_root(ByteWriter& out, const MerkleRoot& root) {
  out.u64(root.sum);
  out.u64(root.mixed_sum);
}

MerkleRoot take_root(ByteReader& in) {
  MerkleRoot root;
  root.sum = in.u64();
  root.mixed_sum = in.u64();
  return root;
}

ByteView take_text(ByteReader& in, size_t size_max) {
  const ByteView text = in.blob(size_max);
  if (in.ok() && !is_utf8(text)) in.fail(Error::InvalidUtf8);
  return text;
}

AckLevel take_level(ByteReader& in) {
  const uint8_t level = in.u8();
  const bool in_range = level >= static_cast<uint8_t>(AckLevel::Memory) &&
                        level <= static_cast<uint8_t>(AckLevel::Object);
  if (in.ok() && !in_range) in.fail(Error::Malformed);
  return static_cast<AckLevel>(level);
}

/// The message, if every field was read and nothing is left over.
template <typename T>
Result<T> finish(ByteReader& in, T message) {
  if (!in.ok()) return in.error();
  if (!in.at_end()) return Error::Malformed;
  return message;
}

void put_prefix(ByteWriter& out, const HashPrefix& prefix) {
  out.u8(prefix.depth);
  out.varint(prefix.bits);
}

HashPrefix take_prefix(ByteReader& in) {
  HashPrefix prefix;
  prefix.depth = in.u8();
  prefix.bits = in.varint();
  const bool in_range = prefix.depth <= kPrefixDepthMax && (prefix.bits >> prefix.depth) == 0;
  if (in.ok() && !in_range) in.fail(Error::Malformed);
  return prefix;
}

void put_leaves(ByteWriter& out, const std::vector<DiffMessage::Leaf>& leaves) {
  out.varint(leaves.size());
  for (const DiffMessage::Leaf& leaf : leaves) {
    put_prefix(out, leaf.prefix);
    out.varint(leaf.fingerprints.size());
    for (const uint32_t fingerprint : leaf.fingerprints) out.u32(fingerprint);
  }
}

/// Takes `count` numbers, after a check that they are there and within the message's total.
std::vector<uint32_t> take_numbers(ByteReader& in, uint64_t count, uint64_t& total) {
  total += count;
  if (total > kDiffHashesMax) in.fail(Error::TooLarge);
  if (in.remaining() / 4 < count) in.fail(Error::Truncated);
  std::vector<uint32_t> numbers;
  if (!in.ok()) return numbers;
  numbers.reserve(static_cast<size_t>(count));
  for (uint64_t i = 0; i < count; ++i) numbers.push_back(in.u32());
  return numbers;
}

/// Regions must come in ascending order without overlap: a message then costs its receiver one walk
/// over its records at most, however many entries it has.
template <typename Entry>
void check_order(ByteReader& in, const std::vector<Entry>& before, const HashPrefix& prefix) {
  if (!in.ok() || before.empty()) return;
  const HashPrefix& last = before.back().prefix;
  const bool ascends = last.first() < prefix.first() && !last.contains(prefix.first());
  if (!ascends) in.fail(Error::Malformed);
}

std::vector<DiffMessage::Leaf> take_leaves(ByteReader& in, uint64_t& total) {
  std::vector<DiffMessage::Leaf> leaves;
  const uint64_t count = in.varint_max(kDiffEntriesMax);
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    DiffMessage::Leaf leaf;
    leaf.prefix = take_prefix(in);
    check_order(in, leaves, leaf.prefix);
    const uint64_t numbers = in.varint_max(kDiffHashesMax);
    leaf.fingerprints = take_numbers(in, numbers, total);
    const bool ascend = std::is_sorted(leaf.fingerprints.begin(), leaf.fingerprints.end());
    if (in.ok() && !ascend) in.fail(Error::Malformed);
    leaves.push_back(std::move(leaf));
  }
  return leaves;
}

std::vector<DiffMessage::Node> take_nodes(ByteReader& in, uint64_t& total) {
  std::vector<DiffMessage::Node> nodes;
  const uint64_t count = in.varint_max(kDiffEntriesMax);
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    DiffMessage::Node node;
    node.prefix = take_prefix(in);
    check_order(in, nodes, node.prefix);
    node.child_bits = in.u8();
    const bool in_range = node.child_bits >= 1 && node.child_bits <= kDiffChildBitsMax &&
                          node.prefix.depth + node.child_bits <= kPrefixDepthMax;
    if (in.ok() && !in_range) in.fail(Error::Malformed);
    if (!in.ok()) break;
    node.children = take_numbers(in, uint64_t{1} << node.child_bits, total);
    nodes.push_back(std::move(node));
  }
  return nodes;
}

}  // namespace

template <typename Fill>
void MessageWriter::message(MessageKind kind, Fill&& fill) {
  scratch_.clear();
  ByteWriter out(scratch_);
  out.u8(static_cast<uint8_t>(kind));
  fill(out);
  ByteWriter(frame_).blob(scratch_);
}

void MessageWriter::hello(const HelloMessage& hello) {
  message(MessageKind::Hello, [&](ByteWriter& out) {
    out.u32(kProtocolMagic);
    out.u8(hello.version_min);
    out.u8(hello.version_max);
    out.u64(hello.replica.value);
    out.u64(hello.instance);
    out.varint(hello.sequence_issued);
    out.u64(hello.client_ms);
    out.blob(hello.token);
  });
}

void MessageWriter::operations(ByteView batch) {
  ByteWriter out(frame_);
  out.varint(batch.size() + 1);
  out.u8(static_cast<uint8_t>(MessageKind::Operations));
  out.raw(batch);
}

void MessageWriter::subscribe(const SubscribeMessage& subscribe) {
  message(MessageKind::Subscribe, [&](ByteWriter& out) {
    out.varint(subscribe.subscription);
    out.u8(static_cast<uint8_t>(subscribe.kind));
    out.blob(subscribe.map);
    out.blob(subscribe.cursor);
    out.u64(subscribe.synced_ms);
    put_root(out, subscribe.root);
    out.varint(subscribe.records);
  });
}

void MessageWriter::unsubscribe(uint64_t subscription) {
  message(MessageKind::Unsubscribe, [&](ByteWriter& out) { out.varint(subscription); });
}

void MessageWriter::diff(const DiffMessage& diff) {
  message(MessageKind::Diff, [&](ByteWriter& out) {
    out.varint(diff.subscription);
    out.u8(diff.half);
    out.varint(diff.nodes.size());
    for (const DiffMessage::Node& node : diff.nodes) {
      TG_ASSERT(node.children.size() == size_t{1} << node.child_bits);
      put_prefix(out, node.prefix);
      out.u8(node.child_bits);
      for (const uint32_t child : node.children) out.u32(child);
    }
    put_leaves(out, diff.leaves);
    put_leaves(out, diff.wants);
  });
}

void MessageWriter::records(const RecordsMessage& records) {
  message(MessageKind::Records, [&](ByteWriter& out) {
    out.varint(records.subscription);
    out.raw(records.batch);
  });
}

void MessageWriter::ping(uint64_t nonce) {
  message(MessageKind::Ping, [&](ByteWriter& out) { out.u64(nonce); });
}

void MessageWriter::pong(uint64_t nonce) {
  message(MessageKind::Pong, [&](ByteWriter& out) { out.u64(nonce); });
}

void MessageWriter::credit(uint64_t bytes) {
  message(MessageKind::Credit, [&](ByteWriter& out) { out.varint(bytes); });
}

void MessageWriter::authenticate(ByteView token) {
  message(MessageKind::Authenticate, [&](ByteWriter& out) { out.blob(token); });
}

void MessageWriter::welcome(const WelcomeMessage& welcome) {
  message(MessageKind::Welcome, [&](ByteWriter& out) {
    out.u8(welcome.version);
    out.u64(welcome.node_id);
    out.u64(welcome.incarnation);
    out.u64(welcome.node_ms);
    out.u64(welcome.horizon_ms);
    out.varint(welcome.frame_bytes_max);
    out.varint(welcome.operations_in_flight_max);
    out.u8(static_cast<uint8_t>(welcome.level_max));
  });
}

void MessageWriter::ack(const AckMessage& ack) {
  message(MessageKind::Ack, [&](ByteWriter& out) {
    out.u8(static_cast<uint8_t>(ack.level));
    out.varint(ack.sequence);
  });
}

void MessageWriter::reject(const RejectMessage& reject) {
  message(MessageKind::Reject, [&](ByteWriter& out) {
    out.varint(reject.sequence);
    out.varint(reject.count);
    out.u16(reject.error);
    out.blob(reject.detail);
  });
}

void MessageWriter::subscribed(const SubscribedMessage& subscribed) {
  message(MessageKind::Subscribed, [&](ByteWriter& out) {
    out.varint(subscribed.subscription);
    out.u8(static_cast<uint8_t>(subscribed.mode));
    out.u64(subscribed.horizon_ms);
  });
}

void MessageWriter::changes(const ChangesMessage& changes) {
  message(MessageKind::Changes, [&](ByteWriter& out) {
    out.u16(changes.shard);
    out.varint(changes.version);
    out.raw(changes.batch);
  });
}

void MessageWriter::synced(const SyncedMessage& synced) {
  message(MessageKind::Synced, [&](ByteWriter& out) {
    out.varint(synced.subscription);
    out.blob(synced.cursor);
    out.u64(synced.node_ms);
    put_root(out, synced.root);
  });
}

void MessageWriter::error(const ErrorMessage& error) {
  message(MessageKind::Error, [&](ByteWriter& out) {
    out.u16(error.error);
    out.u8(error.fatal ? 1 : 0);
    out.varint(error.retry_after_ms);
    out.blob(error.detail);
  });
}

std::optional<MessageView> FrameReader::next() {
  if (!in_.ok() || in_.at_end()) return std::nullopt;
  const ByteView bytes = in_.blob(UINT32_MAX);
  if (in_.ok() && bytes.empty()) in_.fail(Error::Malformed);
  if (!in_.ok()) return std::nullopt;
  return MessageView{bytes[0], bytes.subspan(1)};
}

Result<HelloMessage> decode_hello(ByteView payload) {
  ByteReader in(payload);
  if (in.u32() != kProtocolMagic) in.fail(Error::Malformed);
  HelloMessage hello;
  hello.version_min = in.u8();
  hello.version_max = in.u8();
  hello.replica = {in.u64()};
  hello.instance = in.u64();
  hello.sequence_issued = in.varint();
  hello.client_ms = in.u64();
  hello.token = in.blob(kTokenBytesMax);
  if (in.ok() && hello.replica.value == 0) in.fail(Error::Malformed);
  return finish(in, hello);
}

Result<SubscribeMessage> decode_subscribe(ByteView payload) {
  ByteReader in(payload);
  SubscribeMessage subscribe;
  subscribe.subscription = in.varint();
  const uint8_t kind = in.u8();
  if (in.ok() && !is_map_kind(kind)) in.fail(Error::Malformed);
  subscribe.kind = static_cast<MapKind>(kind);
  subscribe.map = take_text(in, kMapNameBytesMax);
  if (in.ok() && subscribe.map.empty()) in.fail(Error::Malformed);
  subscribe.cursor = in.blob(kCursorBytesMax);
  subscribe.synced_ms = in.u64();
  subscribe.root = take_root(in);
  subscribe.records = in.varint();
  return finish(in, subscribe);
}

Result<uint64_t> decode_unsubscribe(ByteView payload) {
  ByteReader in(payload);
  const uint64_t subscription = in.varint();
  return finish(in, subscription);
}

Result<DiffMessage> decode_diff(ByteView payload) {
  ByteReader in(payload);
  DiffMessage diff;
  diff.subscription = in.varint();
  diff.half = in.u8();
  if (diff.half > 1) in.fail(Error::Malformed);
  uint64_t total = 0;
  diff.nodes = take_nodes(in, total);
  diff.leaves = take_leaves(in, total);
  diff.wants = take_leaves(in, total);
  return finish(in, std::move(diff));
}

Result<RecordsMessage> decode_records_message(ByteView payload) {
  ByteReader in(payload);
  RecordsMessage records;
  records.subscription = in.varint();
  records.batch = in.rest();
  if (!in.ok()) return in.error();
  return records;
}

Result<uint64_t> decode_nonce(ByteView payload) {
  ByteReader in(payload);
  const uint64_t nonce = in.u64();
  return finish(in, nonce);
}

Result<uint64_t> decode_credit(ByteView payload) {
  ByteReader in(payload);
  const uint64_t bytes = in.varint();
  return finish(in, bytes);
}

Result<ByteView> decode_authenticate(ByteView payload) {
  ByteReader in(payload);
  const ByteView token = in.blob(kTokenBytesMax);
  return finish(in, token);
}

Result<WelcomeMessage> decode_welcome(ByteView payload) {
  ByteReader in(payload);
  WelcomeMessage welcome;
  welcome.version = in.u8();
  welcome.node_id = in.u64();
  welcome.incarnation = in.u64();
  welcome.node_ms = in.u64();
  welcome.horizon_ms = in.u64();
  welcome.frame_bytes_max = in.varint();
  welcome.operations_in_flight_max = in.varint();
  welcome.level_max = take_level(in);
  return finish(in, welcome);
}

Result<AckMessage> decode_ack(ByteView payload) {
  ByteReader in(payload);
  AckMessage ack;
  ack.level = take_level(in);
  ack.sequence = in.varint();
  return finish(in, ack);
}

Result<RejectMessage> decode_reject(ByteView payload) {
  ByteReader in(payload);
  RejectMessage reject;
  reject.sequence = in.varint();
  reject.count = in.varint();
  reject.error = in.u16();
  reject.detail = take_text(in, kErrorDetailBytesMax);
  const bool is_range =
      reject.sequence != 0 && reject.count != 0 && reject.count - 1 <= UINT64_MAX - reject.sequence;
  if (in.ok() && !is_range) in.fail(Error::Malformed);
  return finish(in, reject);
}

Result<SubscribedMessage> decode_subscribed(ByteView payload) {
  ByteReader in(payload);
  SubscribedMessage subscribed;
  subscribed.subscription = in.varint();
  const uint8_t mode = in.u8();
  if (in.ok() && (mode < 1 || mode > 5)) in.fail(Error::Malformed);
  subscribed.mode = static_cast<SyncMode>(mode);
  subscribed.horizon_ms = in.u64();
  return finish(in, subscribed);
}

Result<ChangesMessage> decode_changes(ByteView payload) {
  ByteReader in(payload);
  ChangesMessage changes;
  changes.shard = in.u16();
  changes.version = in.varint();
  changes.batch = in.rest();
  if (!in.ok()) return in.error();
  return changes;
}

Result<SyncedMessage> decode_synced(ByteView payload) {
  ByteReader in(payload);
  SyncedMessage synced;
  synced.subscription = in.varint();
  synced.cursor = in.blob(kCursorBytesMax);
  synced.node_ms = in.u64();
  synced.root = take_root(in);
  return finish(in, synced);
}

Result<ErrorMessage> decode_error(ByteView payload) {
  ByteReader in(payload);
  ErrorMessage error;
  error.error = in.u16();
  const uint8_t fatal = in.u8();
  if (fatal > 1) in.fail(Error::Malformed);
  error.fatal = fatal == 1;
  error.retry_after_ms = in.varint();
  error.detail = take_text(in, kErrorDetailBytesMax);
  return finish(in, error);
}

}  // namespace topgun
