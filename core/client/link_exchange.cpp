#include "core/base/probe.hpp"
#include "core/client/link.hpp"

namespace topgun::client {

// The part of `Link` for transports that carry requests instead of a connection. Each request is
// complete by itself: who we are, where we stand, what we have to say. So an answer that gets lost
// costs only that the same is asked again.

void Link::set_polling(const PollPolicy& policy) {
  const bool was_silent = exchanges_.policy.interval_ms_max == 0;
  exchanges_.policy = policy;
  if (was_silent && policy.interval_ms_max != 0) exchanges_.want_changes();
}

void Link::begin_exchanges() {
  exchanges_.restart();
  replica_.outbox().mark_unsent();
  put_off_until_ms_ = 0;
  is_put_off_ = false;
  exchange_bytes_ = kExchangeBytesMin;
}

bool Link::has_operations_to_send(Now now) const {
  if (exchanges_.carrier() != nullptr || now.mono_ms < put_off_until_ms_) return false;
  const auto& entries = replica_.outbox().entries();
  return !entries.empty() && entries.front().stored;
}

void Link::start_exchanges(Now now) {
  if (state_ == State::Greeting) {
    // The first answer tells whether somebody is there at all, and how much may be sent.
    if (exchanges_.idle()) start_exchange(has_operations_to_send(now), true, now);
    return;
  }
  if (state_ != State::Online) return;
  const bool sends = has_operations_to_send(now);
  const ExchangeSchedule::Exchange* question = exchanges_.question();
  if (question != nullptr && question->wait_ms > 0 && exchanges_.wants_changes()) {
    events_.push(Event::CancelExchange, [&](ByteWriter& out) { out.varint(question->id); });
    exchanges_.remove(question->id);
    question = nullptr;
  }
  const bool may_ask = question == nullptr;
  // Where each request costs, one does for both. Where answers are held back, what is sent must not
  // wait.
  const bool asks = may_ask && (exchanges_.question_is_due(now.mono_ms) ||
                                (sends && exchanges_.policy.wait_ms == 0));
  if (sends || asks) start_exchange(sends, asks, now);
}

void Link::start_exchange(bool sends, bool asks, Now now) {
  ExchangeSchedule::Exchange exchange;
  exchange.carries_operations = sends;
  exchange.asks_for_changes = asks;
  const bool may_be_held = asks && !sends && state_ == State::Online;
  exchange.wait_ms = may_be_held ? exchanges_.policy.wait_ms : 0;
  Bytes request;
  MessageWriter out(request);
  out.hello(hello(now, AckLevel::Local, {}));
  out.exchange({.wait_ms = exchange.wait_ms,
                .answer_bytes_max = exchange_bytes_ < kExchangeBytesMax ? exchange_bytes_ : 0,
                .quiet = exchange.wait_ms == 0});
  if (sends) exchange.first_sequence = put_operations(request);
  if (asks) {
    replica_.for_each_map([&](ClientMap& map) {
      const bool stood_still =
          TG_MUTANT(91) && welcomed_ms_ != 0 &&
          now.wall_ms > welcomed_ms_ + (now.mono_ms - welcomed_mono_ms_) + 1'000;
      if (stood_still) map.synced_ms = now.wall_ms;
      if (map.followed) put_subscribe(request, map);
    });
    queries_.put_all(request);
  }
  exchange.request_bytes = request.size();
  exchange.acknowledged = final_acked_;
  const ExchangeSchedule::Exchange& begun = exchanges_.begin(exchange, now.mono_ms);
  events_.push(Event::Exchange, [&](ByteWriter& event) {
    event.varint(begun.id);
    event.u8(begun.wait_ms > 0 ? 1 : 0);
    event.varint(begun.give_up_ms - now.mono_ms);
    event.raw(request);
  });
}

uint64_t Link::put_operations(Bytes& request) {
  size_t bytes_max = std::min(request_bytes_max_, exchange_bytes_);
  if (frame_bytes_max_ != 0) bytes_max = std::min<size_t>(bytes_max, frame_bytes_max_ / 2);
  uint64_t operations = 0;
  MessageWriter out(request);
  for (Outbox::Entry& entry : replica_.outbox().entries()) {
    if (!entry.stored) break;  // Order is kept, so nothing behind it goes either.
    if (TG_MUTANT(61) && std::exchange(entry.sent, true)) continue;
    const bool is_first = operations == 0;
    operations += entry.operations;
    const bool is_too_much = operations > std::max<uint64_t>(in_flight_max_, 1) ||
                             request.size() + entry.batch.size() > bytes_max;
    if (is_too_much && !is_first) break;
    out.operations(entry.batch);
  }
  return replica_.outbox().entries().front().first_sequence;
}

void Link::exchange_part(uint64_t id, ByteView frame, Now now) {
  if (TG_MUTANT(90) && exchanges_.find(id) == nullptr) id = exchanges_.latest_id();
  ExchangeSchedule::Exchange* exchange = exchanges_.find(id);
  if (exchange == nullptr) return;  // Called off, or lost with the rest.
  exchanges_.heard(*exchange, now.mono_ms);
  answering_ = id;
  read_messages(frame, now);
  answering_.reset();
}

void Link::exchange_done(uint64_t id, Now now) {
  if (TG_MUTANT(90) && exchanges_.find(id) == nullptr) id = exchanges_.latest_id();
  if (exchanges_.find(id) == nullptr) return;
  const ExchangeSchedule::Exchange ended = exchanges_.end(id, now.mono_ms);
  if (!ended.was_welcomed) return give_up(now);
  exchange_bytes_ = std::min(exchange_bytes_ * 2, kExchangeBytesMax);
  if (ended.asks_for_changes) settle_maps(ended);
  if (TG_MUTANT(60)) replica_.acknowledge(replica_.last_sequence());
  if (!ended.carries_operations || is_put_off_) return;
  // The same again at once would be answered in the same way.
  const auto& entries = replica_.outbox().entries();
  const bool is_stuck = !entries.empty() && entries.front().first_sequence == ended.first_sequence;
  if (is_stuck) give_up(now);
}

/// An answer that says nothing of a map says that it is in step.
void Link::settle_maps(const ExchangeSchedule::Exchange& ended) {
  replica_.for_each_map([&](ClientMap& map) {
    if (map.phase != SyncPhase::Subscribed) return;
    if (ended.met_error || ended.wait_ms != 0) {
      map.phase = SyncPhase::Detached;
      return;
    }
    map.phase = SyncPhase::Live;
    map.synced_ms = ended.node_ms;
    map.position_changed = true;
    map.repairs_in_row = 0;
    map.recheck_at_ms = 0;
    if (map.was_synced) return;
    map.was_synced = true;
    events_.push(Event::MapSynced, [&](ByteWriter& out) { out.varint(map.handle); });
  });
}

void Link::give_up(Now now) {
  events_.push(Event::Disconnect);
  lose(now, 0);
}

/// Of what an answer with an error does not mention, nothing is known.
void Link::note_error() {
  auto* exchange = answering_.has_value() ? exchanges_.find(*answering_) : nullptr;
  if (exchange != nullptr) exchange->met_error = true;
}

void Link::note_answer(MessageKind kind) {
  if (!answering_.has_value()) return;
  ExchangeSchedule::Exchange* exchange = exchanges_.find(*answering_);
  if (exchange == nullptr) return;
  switch (kind) {
    case MessageKind::Records:
    case MessageKind::Changes:
    case MessageKind::Diff:
    case MessageKind::More:
    case MessageKind::Answer:
    case MessageKind::Steps:
    case MessageKind::QueryFailed:
      exchange->brought_news = true;
      return;
    default:
      return;
  }
}

}  // namespace topgun::client
