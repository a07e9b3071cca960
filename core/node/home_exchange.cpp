#include "core/base/probe.hpp"
#include "core/node/home.hpp"

namespace topgun::node {

// Exchanges: a session of one request. It goes through the same steps as that of a connection; what
// differs is when it ends, and that a subscription may go on where another exchange left off.

bool Home::is_for_exchange(MessageKind kind) {
  switch (kind) {
    case MessageKind::Unsubscribe:
    case MessageKind::Ping:
    case MessageKind::Pong:
    case MessageKind::Credit:
    case MessageKind::Authenticate:
    case MessageKind::Resume:
    case MessageKind::EndQuery:
      return false;
    default:
      // What is unknown, or the node's to say, meets its fate like on a connection.
      return !TG_MUTANT(75) || kind <= MessageKind::EndQuery;
  }
}

void Home::exchange(ConnectionId id, ByteView request, const ExchangeOptions& options) {
  const ShardLimits& limits = context_.options.limits;
  ++context_.stats.exchanges;
  connected(id);
  Session& session = *sessions_.at(id);
  session.exchange = std::make_unique<Exchange>();
  Exchange& exchange = *session.exchange;
  exchange.token = to_bytes(options.token);
  exchange.is_stream = options.is_stream;
  exchange.answer_bytes_max = limits.credit_bytes;
  exchange.wait_until_ms = context_.now.mono_ms;
  const uint64_t allowed_ms =
      options.is_stream ? limits.stream_timeout_ms : limits.exchange_timeout_ms;
  exchange.deadline_ms = context_.now.mono_ms + allowed_ms;
  const bool is_one_too_many = exchanges_.size() >= limits.exchanges_max;
  exchanges_.insert(id);
  if (is_one_too_many) return refuse(session, Error::Overloaded);
  frame(id, request);
  Session* read = find(id);
  if (read == nullptr) return;
  if (!read->open && !read->greeting) {
    return refuse(*read, Error::Malformed, "a request begins with Hello");
  }
  touch(*read);
}

Result<void> Home::on_exchange(Session& session, ByteView payload) {
  const Result<ExchangeMessage> message = decode_exchange(payload);
  if (!message.ok()) return message.error();
  Exchange& exchange = *session.exchange;
  exchange.quiet = message->quiet;
  if (message->answer_bytes_max != 0) {
    exchange.answer_bytes_max =
        std::min<uint64_t>(exchange.answer_bytes_max, message->answer_bytes_max);
  }
  if (exchange.is_stream) return {};
  const uint64_t wait_ms = std::min(message->wait_ms, kExchangeWaitMsMax);
  exchange.wait_until_ms += wait_ms;
  exchange.deadline_ms += wait_ms;
  return {};
}

void Home::sent(ConnectionId stream, uint64_t bytes) {
  Session* session = find(stream);
  if (session == nullptr) return;
  session->unacknowledged_bytes -= std::min(session->unacknowledged_bytes, bytes);
  resume(*session);
}

void Home::touch(Session& session) {
  if (session.exchange == nullptr || session.exchange->touched) return;
  session.exchange->touched = true;
  touched_exchanges_.push_back(session.connection);
}

bool Home::has_all_acks(const Session& session) const {
  const bool wants_local = context_.options.has_log && session.ack_level_min != AckLevel::Memory;
  if (wants_local) return session.acks.idle();
  return session.acks.memory_sequence() >= session.taken_sequence;
}

bool Home::is_settled(const Session& session) const {
  if (session.greeting || !has_all_acks(session)) return false;
  for (const auto& [id, query] : session.queries) {
    if (!query.answered) return false;
  }
  for (const auto& [id, subscription] : session.subscriptions) {
    switch (subscription.phase) {
      case SubscriptionPhase::Describing:
      case SubscriptionPhase::Finishing:
        return false;
      case SubscriptionPhase::Pulling:
        // What is left waits for credit, which one answer does not get.
        for (const Subscription::Pull& pull : subscription.pulls) {
          if (!pull.done && !pull.stalled) return false;
        }
        break;
      case SubscriptionPhase::Repairing:
        if (subscription.answers_missing > 0) return false;
        break;
      case SubscriptionPhase::Live:
        break;
    }
  }
  return true;
}

bool Home::is_done(const Session& session) const {
  if (!is_settled(session)) return false;
  const Exchange& exchange = *session.exchange;
  if (!exchange.is_stream) {
    return exchange.has_news || context_.now.mono_ms >= exchange.wait_until_ms;
  }
  // A comparison needs answers, and a stream has no way back.
  for (const auto& [id, subscription] : session.subscriptions) {
    if (subscription.phase == SubscriptionPhase::Repairing) return true;
  }
  return false;
}

void Home::send_more(Session& session, const Subscription& subscription) {
  Cursor cursor{subscription.versions, std::nullopt};
  switch (subscription.phase) {
    case SubscriptionPhase::Describing:
      // Nothing was said yet that the client could build on: it asks the same again.
      return MessageWriter(output(session)).more({subscription.id, {}});
    case SubscriptionPhase::Live:
      if (!subscription.lagging) return;
      break;
    case SubscriptionPhase::Finishing:
      break;
    case SubscriptionPhase::Repairing:
      cursor.continuation =
          Continuation{Continuation::Stage::Repair, subscription.stage_started_ms, {}};
      break;
    case SubscriptionPhase::Pulling: {
      Continuation continuation{Continuation::Stage::Snapshot, subscription.stage_started_ms, {}};
      bool is_snapshot = false;
      for (size_t shard = 0; shard < subscription.pulls.size(); ++shard) {
        const Subscription::Pull& pull = subscription.pulls[shard];
        is_snapshot = is_snapshot || pull.mode == PullMode::Snapshot;
        continuation.positions.push_back(pull.done ? std::nullopt : std::optional(pull.position));
        if (pull.mode == PullMode::Delta) cursor.versions[shard] = pull.position;
      }
      if (is_snapshot) cursor.continuation = std::move(continuation);
      break;
    }
  }
  TG_SOMETIMES(cursor.continuation.has_value(), NodeAnswerIsCut);
  const Bytes bytes = encode_cursor(cursor, context_.options);
  MessageWriter(output(session)).more({subscription.id, bytes});
}

void Home::continue_subscription(Session& session, Subscription& subscription) {
  const Continuation continuation = std::move(*subscription.continuation);
  subscription.continuation.reset();
  // A connection may go on where another one broke.
  if (session.exchange != nullptr) session.exchange->has_news = true;
  const bool is_repair = continuation.stage == Continuation::Stage::Repair;
  if (is_repair && subscription.continued_diff.empty() && !TG_MUTANT(57)) {
    // An answer that ran out of time had no word of the comparison; the next must not be another.
    return describe(session, subscription, DescribePurpose::Repair);
  }
  subscription.versions = subscription.client_versions;
  subscription.stage_started_ms = continuation.started_ms;
  // Nobody listened in between: what changed meanwhile is pulled at the end.
  subscription.lagging = true;
  switch (continuation.stage) {
    case Continuation::Stage::Snapshot:
      start_pulls(session, subscription, PullMode::Snapshot, continuation.positions);
      return finish_pulls(session, subscription);
    case Continuation::Stage::Repair: {
      subscription.phase = SubscriptionPhase::Repairing;
      subscription.diff = std::make_unique<Subscription::DiffState>();
      const Bytes payload = std::move(subscription.continued_diff);
      subscription.continued_diff = {};
      if (payload.empty()) return;
      Result<DiffMessage> diff = decode_diff(payload);
      TG_ASSERT(diff.ok());  // It was decoded when it came.
      return take_diff(session, subscription, std::move(*diff), payload);
    }
  }
}

void Home::answer(Session& session) {
  for (const auto& [id, subscription] : session.subscriptions) send_more(session, subscription);
  flush(session);
  const bool asked_nothing = session.subscriptions.empty() && session.queries.empty();
  const bool is_refused =
      asked_nothing && session.taken_sequence == 0 && !session.exchange->is_stream;
  context_.effects.answers.push_back(
      {session.connection, is_refused ? session.exchange->put_off : std::nullopt});
  closed(session.connection);
}

void Home::answer_exchanges() {
  // Answering leaves channels, which may reach other sessions only in a later turn.
  const std::vector<ConnectionId> touched = std::move(touched_exchanges_);
  touched_exchanges_ = {};
  for (const ConnectionId id : touched) {
    Session* session = find(id);
    if (session == nullptr) continue;
    session->exchange->touched = false;
    if (is_done(*session)) answer(*session);
  }
}

void Home::expire_exchanges() {
  std::vector<ConnectionId> expired;
  for (const ConnectionId id : exchanges_) {
    Session& session = *sessions_.at(id);
    const Exchange& exchange = *session.exchange;
    if (context_.now.mono_ms >= exchange.deadline_ms) {
      expired.push_back(id);
    } else if (context_.now.mono_ms >= exchange.wait_until_ms) {
      touch(session);
    }
  }
  for (const ConnectionId id : expired) {
    Session& session = *sessions_.at(id);
    if (!session.open) {
      refuse(session, Error::TimedOut);
    } else {
      answer(session);
    }
  }
}

}  // namespace topgun::node
