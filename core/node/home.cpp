#include "core/node/home.hpp"

#include "core/base/probe.hpp"

namespace topgun::node {
namespace {

/// Timeouts of sessions are looked at this often; they need no finer grain.
constexpr uint64_t kCheckIntervalMs = 1'000;
/// A session that goes on tells the registry now and then how far it has come.
constexpr uint64_t kProgressIntervalMs = 60'000;
/// Output of one session is handed over in frames of about this size.
constexpr size_t kFlushBytes = 64 * 1024;

bool is_open_message(uint8_t kind) { return kind == static_cast<uint8_t>(MessageKind::Hello); }

}  // namespace

Session* Home::find(ConnectionId connection) {
  const auto found = sessions_.find(connection);
  return found == sessions_.end() ? nullptr : found->second.get();
}

void Home::connected(ConnectionId connection) {
  auto session = std::make_unique<Session>();
  session->connection = connection;
  session->connected_ms = context_.now.mono_ms;
  session->heard_ms = context_.now.mono_ms;
  sessions_.emplace(connection, std::move(session));
}

void Home::closed(ConnectionId connection) {
  Session* session = find(connection);
  if (session == nullptr) return;
  for (const auto& [id, subscription] : session->subscriptions) {
    leave_channel(connection, subscription);
  }
  close_queries(*session);
  // An exchange that took nothing was never of interest to the registry.
  const bool is_known = session->exchange == nullptr || session->taken_sequence > 0;
  if (session->greeting || (session->open && is_known)) report_progress(*session, true);
  exchanges_.erase(connection);
  sessions_.erase(connection);
}

void Home::frame(ConnectionId connection, ByteView frame) {
  Session* session = find(connection);
  if (session == nullptr) return;
  session->heard_ms = context_.now.mono_ms;
  session->pinged = false;
  ++context_.stats.frames_received;
  if (frame.size() > context_.options.limits.frame_bytes_max) {
    return refuse(*session, Error::TooLarge);
  }
  read_messages(connection, frame);
}

void Home::read_messages(ConnectionId connection, ByteView frame) {
  FrameReader reader(frame);
  while (const std::optional<MessageView> message = reader.next()) {
    // The message before may have ended the session.
    Session* session = find(connection);
    if (session == nullptr) return;
    dispatch(*session, *message);
  }
  Session* session = find(connection);
  if (session != nullptr && !reader.ok()) refuse(*session, reader.error());
}

void Home::hold(Session& session, const MessageView& message) {
  const size_t size = session.held.size() + message.payload.size() + 1;
  if (size > context_.options.limits.frame_bytes_max) return refuse(session, Error::TooLarge);
  TG_SOMETIMES(true, NodeHolds);
  ByteWriter out(session.held);
  out.varint(message.payload.size() + 1);
  out.u8(message.kind);
  out.raw(message.payload);
}

void Home::dispatch(Session& session, const MessageView& message) {
  if (session.greeting) return hold(session, message);
  const auto kind = static_cast<MessageKind>(message.kind);
  const bool is_exchange = session.exchange != nullptr;
  if (is_exchange ? !is_for_exchange(kind) : kind == MessageKind::Exchange) {
    return refuse(session, Error::Malformed, "a message that does not belong here");
  }
  if (session.open == is_open_message(message.kind)) {
    return refuse(session, session.open ? Error::Malformed : Error::Unauthenticated,
                  "Hello comes first and once");
  }
  Result<void> done;
  switch (kind) {
    case MessageKind::Hello:
      done = on_hello(session, message.payload);
      break;
    case MessageKind::Operations:
      done = on_operations(session, message.payload);
      break;
    case MessageKind::Subscribe:
      done = on_subscribe(session, message.payload);
      break;
    case MessageKind::Unsubscribe:
      done = on_unsubscribe(session, message.payload);
      break;
    case MessageKind::Diff:
      done = on_diff(session, message.payload);
      break;
    case MessageKind::Records:
      done = on_records(session, message.payload);
      break;
    case MessageKind::Credit:
      done = on_credit(session, message.payload);
      break;
    case MessageKind::Authenticate:
      done = on_authenticate(session, message.payload);
      break;
    case MessageKind::Resume:
      done = decode_resume(message.payload);
      session.is_put_off = false;
      break;
    case MessageKind::Exchange:
      done = on_exchange(session, message.payload);
      break;
    case MessageKind::Query:
      done = on_query(session, message.payload);
      break;
    case MessageKind::EndQuery:
      done = on_end_query(session, message.payload);
      break;
    case MessageKind::Ping: {
      const Result<uint64_t> nonce = decode_nonce(message.payload);
      if (nonce.ok()) MessageWriter(output(session)).pong(*nonce);
      if (!nonce.ok()) done = nonce.error();
      break;
    }
    case MessageKind::Pong:
      break;
    case MessageKind::Welcome:
    case MessageKind::Ack:
    case MessageKind::Reject:
    case MessageKind::Subscribed:
    case MessageKind::Changes:
    case MessageKind::Synced:
    case MessageKind::Error:
    case MessageKind::Cloned:
    case MessageKind::More:
    case MessageKind::Answer:
    case MessageKind::Steps:
    case MessageKind::QueryFailed:
      done = Error::Malformed;
      break;
    default:
      // A newer client may speak of things we do not know; it is told and goes on without.
      TG_SOMETIMES(true, NodePassesOver);
      send_error(session, Error::UnknownMessage);
  }
  if (!done.ok()) refuse(session, done.error());
}

Result<Principal> Home::authenticate(ByteView token) const {
  if (context_.options.authenticator == nullptr) return Principal{};
  return context_.options.authenticator->verify(token, context_.now.wall_ms);
}

Result<void> Home::on_hello(Session& session, ByteView payload) {
  const Result<HelloMessage> hello = decode_hello(payload);
  if (!hello.ok()) return hello.error();
  if (hello->version_min > kProtocolVersion || hello->version_max < kProtocolVersion) {
    return Error::UnsupportedVersion;
  }
  if (draining_) return Error::Draining;
  const bool is_exchange = session.exchange != nullptr;
  // A body may be logged or cached on its way; the header of a token is not.
  if (is_exchange && !hello->token.empty()) return Error::Malformed;
  Result<Principal> principal =
      authenticate(is_exchange ? ByteView(session.exchange->token) : hello->token);
  if (!principal.ok()) return principal.error();
  const ShardOptions& options = context_.options;
  session.greeting = true;
  session.replica = hello->replica;
  session.ack_level_min = hello->ack_level_min;
  session.principal = std::make_unique<Principal>(std::move(*principal));
  session.rate = full_bucket();
  session.reported_ms = context_.now.mono_ms;
  Bytes history;
  ByteWriter out(history);
  put_history(out, hello->history);
  context_.post(ReplicaRegistry::shard_of(session.replica, options.shard_count),
                ShardMessageKind::Greet,
                {session.connection.value, session.replica.value, hello->instance,
                 is_exchange ? uint64_t{1} : uint64_t{0}},
                share(std::move(history)));
  return {};
}

void Home::on_greeted(const ShardMessage& message) {
  const ConnectionId connection{message.numbers[0]};
  Session* session = find(connection);
  if (session == nullptr) return;
  TG_ASSERT(session->greeting);
  session->greeting = false;
  const Bytes held = std::move(session->held);
  session->held = {};
  switch (static_cast<GreetVerdict>(message.numbers[1])) {
    case GreetVerdict::Cloned:
      TG_SOMETIMES(true, NodeFindsClone);
      MessageWriter(output(*session)).cloned(message.numbers[2]);
      return refuse(*session, Error::ReplicaCloned);
    case GreetVerdict::Welcome:
      session->open = true;
      send_welcome(*session);
      return read_messages(connection, held);
  }
}

void Home::on_take_over(const ShardMessage& message) {
  const ConnectionId connection{message.numbers[0]};
  const ReplicaId replica{message.numbers[1]};
  Session* session = find(connection);
  const uint64_t last_taken = session == nullptr ? 0 : session->taken_sequence;
  TG_SOMETIMES(session != nullptr, NodeTakesOver);
  if (session != nullptr) refuse(*session, Error::TakenOver);
  context_.post(message.from, ShardMessageKind::TakenOver,
                {connection.value, replica.value, last_taken}, nullptr);
}

void Home::report_progress(Session& session, bool is_closed) {
  session.reported_sequence = session.taken_sequence;
  session.reported_ms = context_.now.mono_ms;
  const uint16_t registry =
      ReplicaRegistry::shard_of(session.replica, context_.options.shard_count);
  context_.post(registry, ShardMessageKind::Progress,
                {session.connection.value, session.replica.value, session.taken_sequence,
                 is_closed ? uint64_t{1} : uint64_t{0}},
                nullptr);
}

void Home::send_welcome(Session& session) {
  const ShardOptions& options = context_.options;
  WelcomeMessage welcome;
  welcome.node_id = options.node_id;
  welcome.incarnation = options.incarnation;
  welcome.node_ms = context_.now.wall_ms;
  welcome.horizon_ms = owner_.collect_horizon_ms();
  welcome.frame_bytes_max = options.limits.frame_bytes_max;
  welcome.operations_in_flight_max = options.limits.operations_in_flight_max;
  welcome.level_max = options.has_log ? AckLevel::Local : AckLevel::Memory;
  MessageWriter(output(session)).welcome(welcome);
}

Result<void> Home::on_authenticate(Session& session, ByteView payload) {
  const Result<ByteView> token = decode_authenticate(payload);
  if (!token.ok()) return token.error();
  Result<Principal> principal = authenticate(*token);
  if (!principal.ok()) return principal.error();
  // Another subject's rights must not reach what this one had opened.
  if (principal->subject != session.principal->subject) return Error::Forbidden;
  *session.principal = std::move(*principal);
  session.write_map.clear();
  drop_forbidden_subscriptions(session);
  review_queries(session);
  return {};
}

std::optional<ConnectionId> Home::session_of(const ShardMessage& message) {
  switch (static_cast<ShardMessageKind>(message.kind)) {
    case ShardMessageKind::Applied:
    case ShardMessageKind::Described:
    case ShardMessageKind::Pulled:
    case ShardMessageKind::DiffChildrenAnswer:
    case ShardMessageKind::DiffExpandAnswer:
    case ShardMessageKind::Greeted:
      return ConnectionId{message.numbers[0]};
    default:
      return std::nullopt;
  }
}

void Home::handle(const ShardMessage& message) {
  handle_own(message);
  if (exchanges_.empty()) return;
  const std::optional<ConnectionId> id = session_of(message);
  Session* session = id.has_value() ? find(*id) : nullptr;
  if (session != nullptr) touch(*session);
}

void Home::handle_own(const ShardMessage& message) {
  switch (static_cast<ShardMessageKind>(message.kind)) {
    case ShardMessageKind::Applied:
      return on_applied(message);
    case ShardMessageKind::Described:
      return on_described(message);
    case ShardMessageKind::Pulled:
      return on_pulled(message);
    case ShardMessageKind::Changes:
      return on_changes(message);
    case ShardMessageKind::DiffChildrenAnswer:
      return on_diff_children(message);
    case ShardMessageKind::DiffExpandAnswer:
      return on_diff_expand(message);
    case ShardMessageKind::Greeted:
      return on_greeted(message);
    case ShardMessageKind::TakeOver:
      return on_take_over(message);
    case ShardMessageKind::Greet:
    case ShardMessageKind::TakenOver:
    case ShardMessageKind::Progress:
      return registry_.handle(message);
    case ShardMessageKind::ApplyOperations:
    case ShardMessageKind::ApplyRecords:
    case ShardMessageKind::Describe:
    case ShardMessageKind::Unlisten:
    case ShardMessageKind::Pull:
    case ShardMessageKind::DiffChildren:
    case ShardMessageKind::DiffExpand:
      return owner_.handle(message);
    case ShardMessageKind::OpenQuery:
    case ShardMessageKind::CloseQuery:
    case ShardMessageKind::QueryPart:
    case ShardMessageKind::QueryChanged:
      return queries_->handle(message);
  }
}

Bytes& Home::output(Session& session) {
  if (session.out.size() >= kFlushBytes) flush(session);
  if (!session.has_output) {
    session.has_output = true;
    with_output_.push_back(session.connection);
  }
  return session.out;
}

void Home::flush(Session& session) {
  if (session.out.empty()) return;
  context_.effects.sends.push_back({session.connection, share(std::move(session.out))});
  session.out = {};
}

void Home::send_error(Session& session, Error error, uint64_t retry_after_ms) {
  ErrorMessage message;
  message.error = static_cast<uint16_t>(error);
  message.retry_after_ms = retry_after_ms;
  message.detail = as_bytes(error_name(error));
  // That a message was passed over is no news, or a newer client would never be held back.
  const bool is_news = error != Error::UnknownMessage;
  if (is_news && session.exchange != nullptr) session.exchange->has_news = true;
  MessageWriter(output(session)).error(message);
}

void Home::refuse(Session& session, Error error, std::string_view detail) {
  ErrorMessage message;
  message.error = static_cast<uint16_t>(error);
  message.fatal = true;
  message.detail = as_bytes(detail.empty() ? error_name(error) : detail);
  MessageWriter(output(session)).error(message);
  flush(session);
  const ConnectionId connection = session.connection;
  if (session.exchange != nullptr) {
    context_.effects.answers.push_back({connection, error});
  } else {
    context_.effects.closes.push_back({connection, error});
  }
  closed(connection);
}

void Home::check_timeouts(Session& session, std::vector<ConnectionId>& silent) {
  if (session.exchange != nullptr) return;  // It has a time of its own.
  const ShardLimits& limits = context_.options.limits;
  const uint64_t now = context_.now.mono_ms;
  if (!session.open) {
    if (now - session.connected_ms > limits.hello_timeout_ms) {
      silent.push_back(session.connection);
    }
    return;
  }
  const uint64_t quiet_ms = now - session.heard_ms;
  if (quiet_ms > 2 * limits.idle_timeout_ms) {
    silent.push_back(session.connection);
  } else if (quiet_ms > limits.idle_timeout_ms && !session.pinged) {
    session.pinged = true;
    MessageWriter(output(session)).ping(now);
  }
}

void Home::tick() {
  expire_exchanges();
  if (queries_ != nullptr) queries_->tick();
  if (context_.now.mono_ms < next_check_ms_) return;
  next_check_ms_ = context_.now.mono_ms + kCheckIntervalMs;
  forget_idle_rates();
  std::vector<ConnectionId> silent;
  std::vector<ConnectionId> expired;
  for (auto& [connection, session] : sessions_) {
    check_timeouts(*session, silent);
    const bool has_news = session->taken_sequence > session->reported_sequence &&
                          context_.now.mono_ms - session->reported_ms >= kProgressIntervalMs;
    if (has_news) report_progress(*session, false);
    const uint64_t expires_ms = session->open ? session->principal->expires_at_ms : 0;
    if (expires_ms != 0 && context_.now.wall_ms >= expires_ms) expired.push_back(connection);
  }
  for (const ConnectionId connection : silent) {
    if (Session* session = find(connection)) refuse(*session, Error::TimedOut);
  }
  for (const ConnectionId connection : expired) {
    if (Session* session = find(connection)) refuse(*session, Error::TokenExpired);
  }
}

void Home::drain() {
  draining_ = true;
  while (!sessions_.empty()) refuse(*sessions_.begin()->second, Error::Draining);
}

void Home::answer_due() {
  std::vector<ConnectionId> still_waiting;
  for (const ConnectionId connection : awaiting_acks_) {
    Session* session = find(connection);
    if (session == nullptr) continue;
    send_acks(*session);
    touch(*session);
    session->awaits_acks = !session->acks.idle();
    if (session->awaits_acks) still_waiting.push_back(connection);
  }
  awaiting_acks_ = std::move(still_waiting);
  answer_exchanges();
}

void Home::flush_outputs() {
  for (const ConnectionId connection : with_output_) {
    Session* session = find(connection);
    if (session == nullptr) continue;
    session->has_output = false;
    flush(*session);
  }
  with_output_.clear();
}

void Home::update_gauges() {
  ShardStats& stats = context_.stats;
  stats.connections = sessions_.size() - exchanges_.size();
  stats.exchanges_open = exchanges_.size();
  stats.sessions = 0;
  stats.subscriptions = 0;
  stats.subscribers_lagging = 0;
  stats.queries_live = queries_ == nullptr ? 0 : queries_->live_queries();
  stats.query_bytes = queries_ == nullptr ? 0 : queries_->memory_bytes();
  for (const auto& [connection, session] : sessions_) {
    if (session->open && session->exchange == nullptr) ++stats.sessions;
    stats.subscriptions += session->subscriptions.size();
    for (const auto& [id, subscription] : session->subscriptions) {
      if (subscription.lagging) ++stats.subscribers_lagging;
    }
  }
}

}  // namespace topgun::node
