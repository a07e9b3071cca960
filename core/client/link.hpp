#pragma once

#include <optional>

#include "core/base/prng.hpp"
#include "core/client/client_replica.hpp"
#include "core/client/engine_codes.hpp"
#include "core/client/exchange_schedule.hpp"
#include "core/client/refusals.hpp"
#include "core/client/remote_queries.hpp"

namespace topgun::client {

/// The client's side of the native protocol: connecting and reconnecting, sending the outbox,
/// following the open maps, repairing them. Sans-I/O like everything here; what it wants becomes
/// events.
class Link {
 public:
  /// When another turn is wanted: when a timer of the link is due, or as soon as the host likes.
  enum class Again : uint8_t { WhenDue, Soon };

  /// Waits between attempts to connect grow from the first to the second bound (with full jitter,
  /// as in "Exponential Backoff And Jitter", AWS 2015).
  static constexpr uint64_t kBackoffMsMin = 200;
  static constexpr uint64_t kBackoffMsMax = 30'000;
  /// A transport that does not open, or a node that does not answer Hello, for this long is given
  /// up.
  static constexpr uint64_t kConnectTimeoutMs = 10'000;
  /// Silence after which the node is pinged, and after which the connection is given up.
  static constexpr uint64_t kPingAfterMs = 15'000;
  static constexpr uint64_t kGiveUpAfterMs = 30'000;
  /// Pause before roots that still differ after repairs in a row are compared again.
  static constexpr uint64_t kRecheckMs = 30'000;
  static constexpr uint32_t kRepairsInRowMax = 3;
  /// Pause before storage that failed is tried again.
  static constexpr uint64_t kStorageRetryMs = 5'000;

  Link(EventQueue& events, ClientReplica& replica)
      : events_(events), replica_(replica), queries_(events) {}

  /// `seed` drives the jitter; `instance` tells starts of one replica apart.
  void open(uint64_t seed, uint64_t instance);
  void set_online(bool online, Now now);
  void set_token(ByteView token);
  void follow(ClientMap& map);
  void unfollow(ClientMap& map);

  /// Lets the node answer a query, now or once it is there. Errors as of `RemoteQueries::add`.
  Result<void> ask(uint64_t number, bool live, ByteView map, ByteView query);
  /// Nobody wants the answer any more.
  void end_ask(uint64_t number);

  void transport_opened(TransportKind kind, Now now);
  void transport_closed(Now now);
  void frame(ByteView frame, Now now);
  void tick(Now now);

  // Over exchanges: parts of the answer to one, in order, and its end.
  void exchange_part(uint64_t id, ByteView frame, Now now);
  void exchange_done(uint64_t id, Now now);
  void set_polling(const PollPolicy& policy);
  /// Asks for changes now, where they are asked for at all.
  void refresh() { exchanges_.want_changes(); }

  /// Sends what the turn produced and tells the host when to wake us.
  void end_turn(Now now, Again again);

  /// Wall time corrected by what the node told us, if our clock is far off.
  Now corrected(Now now) const;

 private:
  /// Operations in one request, in bytes, and records that a comparison goes on with; what does not
  /// fit goes in the next. Where something on the way takes less, down to the second bound.
  static constexpr size_t kRequestBytesMax = 256 * 1024;
  static constexpr size_t kRequestBytesMin = 8 * 1024;

  /// What one exchange says each way, beside comparisons: little at first, since an answer counts
  /// when all of it is there, which must be before the attempt is given up; then twice as much with
  /// each answer.
  static constexpr size_t kExchangeBytesMin = 64 * 1024;
  static constexpr size_t kExchangeBytesMax = 1024 * 1024;

  enum class State : uint8_t { Offline, Waiting, Connecting, Greeting, Online };

  // link.cpp
  void set_state(State state);
  void connect(Now now);
  void lose(Now now, uint64_t wait_ms_min);
  void report_error(Error error, ByteView detail);
  /// No connection any more, for whatever reason.
  void detach_maps();
  static void detach(ClientMap& map);
  HelloMessage hello(Now now, AckLevel ack_level_min, ByteView token);
  void read_messages(ByteView frame, Now now);
  void dispatch(const MessageView& message, size_t message_bytes, Now now);
  void compare_clocks(uint64_t node_ms, Now now);
  void note_late_clock(Now now);
  Result<void> on_welcome(ByteView payload, Now now);
  Result<void> on_ack(ByteView payload);
  void send_outbox(Now now);
  void send_frames();
  void report_acks();
  void check_rechecks(Now now);
  uint64_t next_wake_ms(Now now) const;

  // link_refusals.cpp
  Result<void> on_reject(ByteView payload, Now now);
  Result<void> on_error(ByteView payload, Now now);
  Result<void> on_cloned(ByteView payload, Now now);
  bool can_say_less();
  void say_less();

  // link_exchange.cpp
  void begin_exchanges();
  bool has_operations_to_send(Now now) const;
  void start_exchanges(Now now);
  void start_exchange(bool sends, bool asks, Now now);
  /// Returns the sequence of the first.
  uint64_t put_operations(Bytes& request);
  void settle_maps(const ExchangeSchedule::Exchange& ended);
  void give_up(Now now);
  void note_answer(MessageKind kind);
  void note_error();

  // link_sync.cpp
  static void end_continuation(ClientMap& map);
  static void distrust_position(ClientMap& map);
  Result<void> on_more(ByteView payload);
  void subscribe(ClientMap& map);
  void note_first_contact(ClientMap& map);
  void put_subscribe(Bytes& frame, ClientMap& map);
  Result<void> on_subscribed(ByteView payload, Now now);
  Result<void> on_changes(ByteView payload, Now now);
  Result<void> on_records(ByteView payload, Now now);
  /// Bytes of records that may still go into the next request.
  size_t room_to_continue();
  Result<void> on_diff(ByteView payload);
  Result<void> on_synced(ByteView payload, Now now);
  void consumed(size_t bytes);

  EventQueue& events_;
  ClientReplica& replica_;
  std::optional<Prng> jitter_;
  uint64_t instance_ = 0;
  Bytes token_;

  State state_ = State::Offline;
  bool wants_online_ = false;
  uint32_t attempts_ = 0;
  uint64_t deadline_ms_ = 0;  ///< Of the present state; monotonic; 0 = none.
  uint64_t heard_ms_ = 0;
  bool pinged_ = false;

  uint64_t incarnation_ = 0;
  uint64_t welcomed_ms_ = 0;       ///< Node time of the last Welcome.
  uint64_t welcomed_mono_ms_ = 0;  ///< And when it came.
  AckLevel final_level_ = AckLevel::Memory;
  uint64_t frame_bytes_max_ = 0;
  uint64_t in_flight_max_ = 0;
  uint64_t memory_acked_ = 0;
  uint64_t final_acked_ = 0;
  uint64_t put_off_until_ms_ = 0;
  bool is_put_off_ = false;
  uint64_t storage_retry_at_ms_ = 0;

  Refusals refusals_;

  bool uses_exchanges_ = false;
  size_t exchange_bytes_ = kExchangeBytesMin;
  size_t request_bytes_max_ = kRequestBytesMax;  ///< Halved where a request was too large.
  RemoteQueries queries_;
  ExchangeSchedule exchanges_;
  std::optional<uint64_t> answering_;  ///< The exchange whose answer is being read.

  size_t consumed_bytes_ = 0;
  Bytes out_;
  uint64_t announced_wake_ms_ = 0;
};

}  // namespace topgun::client
