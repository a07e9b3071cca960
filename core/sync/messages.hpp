#pragma once

#include <optional>
#include <vector>

#include "core/base/byte_io.hpp"
#include "core/crdt/record.hpp"
#include "core/merkle/merkle_tree.hpp"
#include "core/sync/diff_message.hpp"
#include "core/sync/run_history.hpp"

namespace topgun {

/// The messages of the native protocol (docs/protocol.md), one struct each, with free functions
/// that write and read them. Decoded messages borrow from the frame. A reader checks every length
/// before it takes anything, and fails with the codes of `ByteReader` or the one named here. Fields
/// behind those it knows, and flags it does not know, belong to later versions and are passed over.

inline constexpr uint32_t kProtocolMagic = 0x314e4754;  // "TGN1"
inline constexpr uint8_t kProtocolVersion = 1;

inline constexpr size_t kTokenBytesMax = 8 * 1024;
inline constexpr size_t kCursorBytesMax = 4 * 1024;
inline constexpr size_t kErrorDetailBytesMax = 1024;
/// A query as it travels.
inline constexpr size_t kQueryBytesMax = 64 * 1024;
/// An answer travels in parts of about this size.
inline constexpr size_t kAnswerPartBytes = 64 * 1024;
/// All parts of an answer together. Who wants more asks page by page.
inline constexpr size_t kAnswerBytesMax = size_t{8} << 20;
/// As long as a node holds an answer back at most while there is no news.
inline constexpr uint64_t kExchangeWaitMsMax = 25'000;

enum class MessageKind : uint8_t {
  Hello = 1,
  Operations = 2,
  Subscribe = 3,
  Unsubscribe = 4,
  Diff = 5,
  Records = 6,
  Ping = 7,
  Pong = 8,
  Credit = 9,
  Authenticate = 10,
  Resume = 11,
  Exchange = 12,
  Query = 13,
  EndQuery = 14,
  Welcome = 65,
  Ack = 66,
  Reject = 67,
  Subscribed = 68,
  Changes = 69,
  Synced = 70,
  Error = 71,
  Cloned = 72,
  More = 73,
  Answer = 74,
  Steps = 75,
  QueryFailed = 76,
};

/// How far an operation has come. Ordered: each level includes the ones before it. `None` is never
/// sent.
enum class AckLevel : uint8_t { None = 0, Memory = 1, Local = 2, Replicated = 3, Object = 4 };

/// How the node brings a subscriber up to date.
enum class SyncMode : uint8_t { Current = 1, Delta = 2, Snapshot = 3, Repair = 4, Resync = 5 };

struct HelloMessage {
  uint8_t version_min = kProtocolVersion;
  uint8_t version_max = kProtocolVersion;
  ReplicaId replica = {};
  uint64_t instance = 0;
  RunHistory history = {};
  uint64_t client_ms = 0;
  ByteView token = {};
  /// Acks of lower levels are of no use to the client. Each costs both sides a frame.
  AckLevel ack_level_min = AckLevel::Memory;
};

/// Follows Hello where a frame is a whole request and everything said to it is the answer.
struct ExchangeMessage {
  /// How long the answer may be held back while there is no news; 0 = answer with what is there.
  uint64_t wait_ms = 0;
  /// Size of Records and Changes in the answer, beyond which it is cut; 0 = the node's own limit.
  uint64_t answer_bytes_max = 0;
  /// Subscriptions that are in step, and whose cursor is the present one, need no answer.
  bool quiet = false;
};

struct SubscribeMessage {
  uint64_t subscription = 0;
  MapKind kind = MapKind::Lww;
  ByteView map = {};
  ByteView cursor = {};
  uint64_t synced_ms = 0;
  MerkleRoot root = {};
  uint64_t records = 0;
};

struct WelcomeMessage {
  uint8_t version = kProtocolVersion;
  uint64_t node_id = 0;
  uint64_t incarnation = 0;
  uint64_t node_ms = 0;
  uint64_t horizon_ms = 0;
  uint64_t frame_bytes_max = 0;
  uint64_t operations_in_flight_max = 0;
  AckLevel level_max = AckLevel::Memory;
};

struct AckMessage {
  AckLevel level = AckLevel::None;
  uint64_t sequence = 0;
};

/// Refuses the operations `sequence` to `sequence + count - 1`: at least one, and the last of them
/// is still a sequence.
struct RejectMessage {
  uint64_t sequence = 0;
  uint64_t count = 0;
  uint16_t error = 0;
  ByteView detail = {};
};

struct SubscribedMessage {
  uint64_t subscription = 0;
  SyncMode mode = SyncMode::Current;
  uint64_t horizon_ms = 0;
};

struct RecordsMessage {
  uint64_t subscription = 0;
  ByteView batch = {};
};

struct ChangesMessage {
  uint16_t shard = 0;
  uint64_t version = 0;
  ByteView batch = {};
};

struct SyncedMessage {
  uint64_t subscription = 0;
  ByteView cursor = {};
  uint64_t node_ms = 0;
  MerkleRoot root = {};
};

/// Ends what an answer says of a subscription that is not in step yet: the client asks again with
/// this cursor.
struct MoreMessage {
  uint64_t subscription = 0;
  ByteView cursor = {};
};

/// A question to the node about one of its maps. What the map's records must be like is said in
/// `query`, which only the query engine reads (core/query/query.hpp).
struct QueryMessage {
  uint64_t id = 0;  ///< Chosen by the client.
  bool live = false;
  /// Of the answer that the client has, as `AnswerMessage` told it; 0 = none. If it is still the
  /// answer, an exchange says nothing.
  uint64_t known = 0;
  ByteView map = {};
  ByteView query = {};
};

/// A part of an answer; the last one tells what the whole is known by.
struct AnswerMessage {
  uint64_t query = 0;
  bool first = false;
  bool last = false;
  uint64_t known = 0;  ///< Only in the last part.
  ByteView part = {};
};

/// What changed in the answer to a live query.
struct StepsMessage {
  uint64_t query = 0;
  ByteView steps = {};
};

/// There is no answer, and none will follow.
struct QueryFailedMessage {
  uint64_t query = 0;
  uint16_t error = 0;
  ByteView detail = {};
};

struct ErrorMessage {
  uint16_t error = 0;
  bool fatal = false;
  uint64_t retry_after_ms = 0;
  ByteView detail = {};
};

/// Appends messages to a frame. Borrows the frame.
class MessageWriter {
 public:
  explicit MessageWriter(Bytes& frame) : frame_(frame) {}

  void hello(const HelloMessage& message);
  void operations(ByteView batch);
  void subscribe(const SubscribeMessage& message);
  void unsubscribe(uint64_t subscription);
  void diff(const DiffMessage& message);
  void records(const RecordsMessage& message);
  void ping(uint64_t nonce);
  void pong(uint64_t nonce);
  void credit(uint64_t bytes);
  void authenticate(ByteView token);
  void resume();
  void exchange(const ExchangeMessage& message);
  void query(const QueryMessage& message);
  void end_query(uint64_t query);
  void welcome(const WelcomeMessage& message);
  void ack(const AckMessage& message);
  void reject(const RejectMessage& message);
  void subscribed(const SubscribedMessage& message);
  void changes(const ChangesMessage& message);
  void synced(const SyncedMessage& message);
  void error(const ErrorMessage& message);
  void cloned(uint64_t common_sequence);
  void more(const MoreMessage& message);
  void answer(const AnswerMessage& message);
  void steps(const StepsMessage& message);
  void query_failed(const QueryFailedMessage& message);

 private:
  template <typename Fill>
  void message(MessageKind kind, Fill&& fill) {
    scratch_.clear();
    ByteWriter out(scratch_);
    out.u8(static_cast<uint8_t>(kind));
    fill(out);
    ByteWriter(frame_).blob(scratch_);
  }

  Bytes& frame_;
  Bytes scratch_;
};

/// One message of a frame, not yet decoded.
struct MessageView {
  uint8_t kind = 0;
  ByteView payload;
};

/// Walks the messages of a frame.
class FrameReader {
 public:
  explicit FrameReader(ByteView frame) : in_(frame) {}
  /// The next message; nothing at the end or when the framing is broken (`ok()` tells which).
  std::optional<MessageView> next();
  bool ok() const { return in_.ok(); }
  ::topgun::Error error() const { return in_.error(); }

 private:
  ByteReader in_;
};

Result<HelloMessage> decode_hello(ByteView payload);
Result<SubscribeMessage> decode_subscribe(ByteView payload);
Result<uint64_t> decode_unsubscribe(ByteView payload);
Result<DiffMessage> decode_diff(ByteView payload);
Result<RecordsMessage> decode_records_message(ByteView payload);
/// Ping and Pong.
Result<uint64_t> decode_nonce(ByteView payload);
Result<uint64_t> decode_credit(ByteView payload);
Result<ByteView> decode_authenticate(ByteView payload);
Result<void> decode_resume(ByteView payload);
Result<ExchangeMessage> decode_exchange(ByteView payload);
Result<QueryMessage> decode_query_message(ByteView payload);
Result<uint64_t> decode_end_query(ByteView payload);
Result<WelcomeMessage> decode_welcome(ByteView payload);
Result<AckMessage> decode_ack(ByteView payload);
Result<RejectMessage> decode_reject(ByteView payload);
Result<SubscribedMessage> decode_subscribed(ByteView payload);
Result<ChangesMessage> decode_changes(ByteView payload);
Result<SyncedMessage> decode_synced(ByteView payload);
Result<ErrorMessage> decode_error(ByteView payload);
Result<uint64_t> decode_cloned(ByteView payload);
Result<MoreMessage> decode_more(ByteView payload);
Result<AnswerMessage> decode_answer(ByteView payload);
Result<StepsMessage> decode_steps(ByteView payload);
Result<QueryFailedMessage> decode_query_failed(ByteView payload);

}  // namespace topgun
