#include "core/client/link.hpp"

#include <algorithm>

#include "core/base/probe.hpp"

namespace topgun::client {
namespace {

/// Frames are cut at about this size, well below the node's limit.
constexpr size_t kFrameBytes = 64 * 1024;
/// A calendar may be set forward while we wait for an entry to expire, so it is looked at now and
/// then.
constexpr uint64_t kExpiryWaitMsMax = 3'600'000;
/// Beyond this difference from the node, our clock is taken to be wrong.
constexpr int64_t kClockOffsetMinMs = 20'000;

constexpr Status status_of(bool wants_online, bool online) {
  if (online) return Status::Online;
  return wants_online ? Status::Connecting : Status::Offline;
}

}  // namespace

void Link::open(uint64_t seed, uint64_t instance) {
  jitter_.emplace(seed, stream_id("client.backoff"));
  instance_ = instance;
}

void Link::set_state(State state) {
  const Status before = status_of(wants_online_, state_ == State::Online);
  state_ = state;
  const Status after = status_of(wants_online_, state_ == State::Online);
  if (before == after) return;
  events_.push(Event::Status, [&](ByteWriter& out) { out.u8(static_cast<uint8_t>(after)); });
}

void Link::set_online(bool online, Now now) {
  if (online == wants_online_) return;
  const Status before = status_of(wants_online_, state_ == State::Online);
  wants_online_ = online;
  if (online) {
    events_.push(Event::Status,
                 [](ByteWriter& out) { out.u8(static_cast<uint8_t>(Status::Connecting)); });
    attempts_ = 0;
    refusals_ = {};
    request_bytes_max_ = kRequestBytesMax;
    connect(now);
    return;
  }
  if (state_ != State::Offline && state_ != State::Waiting) events_.push(Event::Disconnect);
  state_ = State::Offline;
  deadline_ms_ = 0;
  detach_maps();
  if (before != Status::Offline) {
    events_.push(Event::Status,
                 [](ByteWriter& out) { out.u8(static_cast<uint8_t>(Status::Offline)); });
  }
}

void Link::set_token(ByteView token) {
  token_ = to_bytes(token);
  refusals_ = {};
  // An exchange carries it anyway.
  if (state_ == State::Online && !uses_exchanges_) MessageWriter(out_).authenticate(token_);
  // A refused token was perhaps what kept us waiting.
  if (state_ == State::Waiting) deadline_ms_ = 0;
}

void Link::connect(Now now) {
  deadline_ms_ = now.mono_ms + kConnectTimeoutMs;
  set_state(State::Connecting);
  events_.push(Event::Connect);
}

void Link::lose(Now now, uint64_t wait_ms_min) {
  if (state_ == State::Offline) return;
  if (state_ != State::Waiting) {
    detach_maps();
    out_.clear();
  }
  set_state(State::Waiting);
  const uint64_t cap = std::min(kBackoffMsMax, kBackoffMsMin << std::min<uint32_t>(attempts_, 10));
  ++attempts_;
  const uint64_t wait_ms = std::max(wait_ms_min, jitter_->between(cap / 4, cap));
  deadline_ms_ = now.mono_ms + wait_ms;
}

void Link::detach_maps() {
  exchanges_.stop();
  queries_.detach();
  replica_.for_each_map([](ClientMap& map) { detach(map); });
}

void Link::detach(ClientMap& map) {
  map.phase = SyncPhase::Detached;
  map.was_synced = false;
  if (!map.continues_snapshot) map.continuation.clear();
  map.continued_messages.clear();
}

HelloMessage Link::hello(Now now, AckLevel ack_level_min, ByteView token) {
  HelloMessage hello;
  hello.replica = replica_.replica();
  hello.instance = instance_;
  hello.history = replica_.history();
  hello.client_ms = now.wall_ms;
  hello.token = token;
  hello.ack_level_min = ack_level_min;
  return hello;
}

void Link::transport_opened(TransportKind kind, Now now) {
  if (state_ != State::Connecting) return;
  set_state(State::Greeting);
  uses_exchanges_ = kind == TransportKind::Exchanges;
  deadline_ms_ = now.mono_ms + kConnectTimeoutMs;
  heard_ms_ = now.mono_ms;
  out_.clear();
  if (uses_exchanges_) return begin_exchanges();
  MessageWriter(out_).hello(hello(now, AckLevel::Memory, token_));
}

void Link::transport_closed(Now now) {
  if (state_ == State::Offline || state_ == State::Waiting) return;
  lose(now, 0);
}

void Link::report_error(Error error, ByteView detail) {
  events_.push(Event::Error, [&](ByteWriter& out) {
    out.u16(static_cast<uint16_t>(error));
    out.blob(detail);
  });
}

void Link::frame(ByteView frame, Now now) {
  if (uses_exchanges_ || (state_ != State::Greeting && state_ != State::Online)) return;
  heard_ms_ = now.mono_ms;
  pinged_ = false;
  read_messages(frame, now);
}

void Link::read_messages(ByteView frame, Now now) {
  FrameReader reader(frame);
  while (const std::optional<MessageView> message = reader.next()) {
    // The message as it stood in the frame, which is what flow control counts.
    Bytes length;
    ByteWriter(length).varint(message->payload.size() + 1);
    dispatch(*message, length.size() + message->payload.size() + 1, now);
    if (state_ != State::Greeting && state_ != State::Online) return;
  }
  if (reader.ok()) return;
  report_error(reader.error(), as_bytes("the node sent a broken frame"));
  events_.push(Event::Disconnect);
  lose(now, 0);
}

void Link::dispatch(const MessageView& message, size_t message_bytes, Now now) {
  Result<void> done;
  const auto kind = static_cast<MessageKind>(message.kind);
  note_answer(kind);
  switch (kind) {
    case MessageKind::Welcome:
      done = on_welcome(message.payload, now);
      break;
    case MessageKind::Ack:
      done = on_ack(message.payload);
      break;
    case MessageKind::Reject:
      done = on_reject(message.payload, now);
      break;
    case MessageKind::Subscribed:
      done = on_subscribed(message.payload, now);
      break;
    case MessageKind::Changes:
      done = on_changes(message.payload, now);
      consumed(message_bytes);
      break;
    case MessageKind::Records:
      done = on_records(message.payload, now);
      consumed(message_bytes);
      break;
    case MessageKind::Diff:
      done = on_diff(message.payload);
      break;
    case MessageKind::Synced:
      done = on_synced(message.payload, now);
      break;
    case MessageKind::Error:
      done = on_error(message.payload, now);
      break;
    case MessageKind::Cloned:
      done = on_cloned(message.payload, now);
      break;
    case MessageKind::More:
      done = on_more(message.payload);
      break;
    case MessageKind::Answer:
      done = queries_.on_answer(message.payload);
      consumed(message_bytes);
      break;
    case MessageKind::Steps:
      done = queries_.on_steps(message.payload);
      consumed(message_bytes);
      break;
    case MessageKind::QueryFailed:
      done = queries_.on_failed(message.payload);
      break;
    case MessageKind::Ping: {
      const Result<uint64_t> nonce = decode_nonce(message.payload);
      if (nonce.ok()) MessageWriter(out_).pong(*nonce);
      break;
    }
    case MessageKind::Pong:
      break;
    case MessageKind::Hello:
    case MessageKind::Operations:
    case MessageKind::Subscribe:
    case MessageKind::Unsubscribe:
    case MessageKind::Credit:
    case MessageKind::Authenticate:
    case MessageKind::Resume:
    case MessageKind::Exchange:
    case MessageKind::Query:
    case MessageKind::EndQuery:
      done = Error::Malformed;
      break;
    default:
      // A newer node may say things we do not know.
      TG_SOMETIMES(true, ClientPassesOver);
      break;
  }
  if (done.ok()) return;
  report_error(done.error(), as_bytes("the node sent a message that cannot be read"));
  events_.push(Event::Disconnect);
  lose(now, 0);
}

void Link::compare_clocks(uint64_t node_ms, Now now) {
  const auto offset = static_cast<int64_t>(node_ms - now.wall_ms);
  const bool is_off = offset > kClockOffsetMinMs || offset < -kClockOffsetMinMs;
  const bool is_told = uses_exchanges_ && state_ == State::Online;
  replica_.set_clock_offset(is_off ? offset : 0);
  TG_SOMETIMES(is_off, ClientClockCorrected);
  if (!is_off || is_told) return;
  report_error(Error::ClockDrift, as_bytes("this device's clock is off; the node's time is used"));
}

/// What comes too late for the node is issued anew, which is of no use if our calendar was set back
/// since the last Welcome: it would come too late again, and again. Our timer may have stood still
/// while the device slept, so node time is at least what we count.
void Link::note_late_clock(Now now) {
  const uint64_t node_ms = welcomed_ms_ + (now.mono_ms - welcomed_mono_ms_);
  if (node_ms > corrected(now).wall_ms) compare_clocks(node_ms, now);
}

Result<void> Link::on_welcome(ByteView payload, Now now) {
  const Result<WelcomeMessage> welcome = decode_welcome(payload);
  if (!welcome.ok()) return welcome.error();
  const bool is_first = state_ == State::Greeting;
  if (!is_first && !uses_exchanges_) return Error::Malformed;
  incarnation_ = welcome->incarnation;
  final_level_ = std::min(welcome->level_max, AckLevel::Local);
  frame_bytes_max_ = welcome->frame_bytes_max;
  in_flight_max_ = std::max<uint64_t>(welcome->operations_in_flight_max, 1);
  ExchangeSchedule::Exchange* exchange =
      answering_.has_value() ? exchanges_.find(*answering_) : nullptr;
  // An answer that was held back tells a time that has passed: it is later now, by how much nobody
  // knows.
  const bool is_held = exchange != nullptr && exchange->wait_ms != 0;
  const bool is_behind = welcome->node_ms > corrected(now).wall_ms;
  if (!is_held || is_behind) compare_clocks(welcome->node_ms, now);
  welcomed_ms_ = welcome->node_ms;
  welcomed_mono_ms_ = now.mono_ms;
  replica_.collect(welcome->horizon_ms);
  replica_.for_each_map([&](ClientMap& map) { note_first_contact(map); });
  if (exchange != nullptr) {
    exchange->was_welcomed = true;
    exchange->node_ms = welcome->node_ms;
  }
  if (!is_first) return {};
  memory_acked_ = 0;
  consumed_bytes_ = 0;
  attempts_ = 0;
  deadline_ms_ = 0;
  set_state(State::Online);
  if (uses_exchanges_) return {};
  put_off_until_ms_ = 0;
  is_put_off_ = false;
  replica_.outbox().mark_unsent();
  replica_.for_each_map([&](ClientMap& map) {
    if (map.followed) subscribe(map);
  });
  queries_.put_unasked(out_);
  return {};
}

Result<void> Link::on_ack(ByteView payload) {
  const Result<AckMessage> ack = decode_ack(payload);
  if (!ack.ok()) return ack.error();
  memory_acked_ = std::max(memory_acked_, ack->sequence);
  const bool is_final = ack->level >= final_level_ || TG_MUTANT(29);
  if (is_final) {
    // Something was taken that was not taken before: the next refusal is of something else.
    if (ack->sequence > final_acked_) refusals_ = {};
    final_acked_ = std::max(final_acked_, ack->sequence);
    replica_.acknowledge(ack->sequence);
  }
  events_.push(Event::Ack, [&](ByteWriter& out) {
    out.u8(static_cast<uint8_t>(ack->level));
    out.varint(ack->sequence);
  });
  return {};
}

void Link::send_outbox(Now now) {
  if (uses_exchanges_) {
    if (now.mono_ms >= put_off_until_ms_) is_put_off_ = false;
    return start_exchanges(now);
  }
  if (state_ != State::Online || now.mono_ms < put_off_until_ms_) return;
  if (is_put_off_) {
    is_put_off_ = false;
    if (!TG_MUTANT(38)) MessageWriter(out_).resume();
  }
  Outbox& outbox = replica_.outbox();
  // Order is kept, so nothing goes that is behind something that may not.
  Outbox::Entry* entry = outbox.first_unsent();
  if (entry == nullptr) return;
  uint64_t in_flight = outbox.sent_beyond(memory_acked_);
  for (; entry != nullptr; entry = outbox.first_unsent()) {
    if (entry->last_sequence > memory_acked_) in_flight += entry->operations;
    if (in_flight > in_flight_max_ && in_flight > entry->operations) {
      TG_SOMETIMES(true, ClientWaitsForWindow);
      return;
    }
    MessageWriter(out_).operations(entry->batch);
    entry->sent = true;
  }
}

void Link::report_acks() {
  // Operations that were overruled before they were sent leave no ack of their own behind; with an
  // empty outbox, everything issued has reached its level.
  const uint64_t last = replica_.last_sequence();
  if (state_ != State::Online || !replica_.outbox().empty() || final_acked_ >= last) return;
  final_acked_ = last;
  events_.push(Event::Ack, [&](ByteWriter& out) {
    out.u8(static_cast<uint8_t>(final_level_));
    out.varint(last);
  });
}

void Link::tick(Now now) {
  // The host's timer is spent, even if it fired a moment too early.
  announced_wake_ms_ = 0;
  if (replica_.storage_failed() && storage_retry_at_ms_ != 0 &&
      now.mono_ms >= storage_retry_at_ms_) {
    storage_retry_at_ms_ = 0;
    replica_.retry_storage();
  }
  const bool is_due = deadline_ms_ <= now.mono_ms;
  switch (state_) {
    case State::Offline:
      return;
    case State::Waiting:
      if (is_due) connect(now);
      return;
    case State::Connecting:
    case State::Greeting:
      if (!is_due) return;
      events_.push(Event::Disconnect);
      return lose(now, 0);
    case State::Online:
      break;
  }
  check_rechecks(now);
  if (uses_exchanges_) {
    if (exchanges_.has_timed_out(now.mono_ms)) give_up(now);
    return;
  }
  const uint64_t quiet_ms = now.mono_ms - heard_ms_;
  if (quiet_ms >= kGiveUpAfterMs && !TG_MUTANT(46)) {
    TG_SOMETIMES(true, ClientGivesUp);
    events_.push(Event::Disconnect);
    return lose(now, 0);
  }
  if (quiet_ms >= kPingAfterMs && !pinged_) {
    pinged_ = true;
    MessageWriter(out_).ping(now.mono_ms);
  }
}

void Link::check_rechecks(Now now) {
  replica_.for_each_map([&](ClientMap& map) {
    if (map.recheck_at_ms == 0 || now.mono_ms < map.recheck_at_ms) return;
    map.recheck_at_ms = 0;
    map.repairs_in_row = 0;
    if (map.phase == SyncPhase::Live) subscribe(map);
  });
}

uint64_t Link::next_wake_ms(Now now) const {
  uint64_t wake = UINT64_MAX;
  const auto at = [&](uint64_t ms) {
    if (ms != 0) wake = std::min(wake, ms);
  };
  at(storage_retry_at_ms_);
  if (const std::optional<uint64_t> expiry_ms = replica_.next_expiry_ms()) {
    // Times to live count by the calendar, timers do not; the difference is what both agree on.
    const uint64_t wall_ms = corrected(now).wall_ms;
    const uint64_t wait_ms = *expiry_ms > wall_ms ? *expiry_ms - wall_ms : 0;
    at(now.mono_ms + std::max<uint64_t>(std::min(wait_ms, kExpiryWaitMsMax), 1));
  }
  if (state_ == State::Offline) return wake;
  if (state_ != State::Online) {
    at(std::max(deadline_ms_, now.mono_ms + 1));
    return wake;
  }
  if (uses_exchanges_) {
    if (const auto next_ms = exchanges_.next_ms()) at(std::max(*next_ms, now.mono_ms + 1));
  } else {
    at(heard_ms_ + (pinged_ ? kGiveUpAfterMs : kPingAfterMs));
  }
  if (put_off_until_ms_ > now.mono_ms) at(put_off_until_ms_);
  replica_.for_each_map([&](ClientMap& map) { at(map.recheck_at_ms); });
  return wake;
}

/// In frames of whole messages: a comparison alone may have more to say than a node takes in one.
void Link::send_frames() {
  const ByteView all(out_);
  size_t begin = 0;
  size_t end = 0;
  const auto send = [&] {
    if (end == begin) return;
    events_.push(Event::Send, [&](ByteWriter& out) { out.raw(all.subspan(begin, end - begin)); });
    begin = end;
  };
  FrameReader reader(all);
  while (const std::optional<MessageView> message = reader.next()) {
    const auto next =
        static_cast<size_t>(message->payload.data() - all.data()) + message->payload.size();
    if (next - begin > kFrameBytes) send();
    end = next;
  }
  send();
  out_.clear();
}

void Link::end_turn(Now now, Again again) {
  send_outbox(now);
  report_acks();
  send_frames();
  if (replica_.storage_failed() && storage_retry_at_ms_ == 0) {
    storage_retry_at_ms_ = now.mono_ms + kStorageRetryMs;
  }
  const uint64_t wake = again == Again::Soon ? now.mono_ms + 1 : next_wake_ms(now);
  // Silence timers move with every frame; the host need not hear of each step, a wake too early is
  // harmless.
  const bool is_earlier = wake < announced_wake_ms_ || announced_wake_ms_ <= now.mono_ms;
  if (wake == UINT64_MAX || !is_earlier) return;
  announced_wake_ms_ = wake;
  events_.push(Event::Wake, [&](ByteWriter& out) { out.u64(wake); });
}

Now Link::corrected(Now now) const {
  now.wall_ms += static_cast<uint64_t>(replica_.clock_offset_ms());
  return now;
}

}  // namespace topgun::client
