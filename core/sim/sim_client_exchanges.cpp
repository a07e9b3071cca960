#include <algorithm>

#include "core/base/byte_io.hpp"
#include "core/sim/invariant_checker.hpp"
#include "core/sim/sim_client.hpp"

// A client's transport of requests: each exchange is a connection of the network that carries one
// frame up and an answer down. An empty frame ends the answer, as a length or a last chunk does in
// HTTP; a connection that closes before it has failed.

namespace topgun::sim {

bool SimClient::draws_exchanges() {
  const Prng draws(options_.seed, stream_id("client.transport"), options_.number);
  switch (options_.transports) {
    case Transports::Streams:
      return false;
    case Transports::Exchanges:
      return true;
    case Transports::ByClient:
      return draws.at(0) % 2 == 0;
    case Transports::AtRandom:
      break;
  }
  // By connection, until the network is calm: what is to come to rest must be left alone.
  return !network_.is_calm() && draws.at(++connections_) % 2 == 0;
}

void SimClient::set_polling() {
  const Prng draws(options_.seed, stream_id("client.polling"), options_.number);
  const bool waits = draws.at(0) % 2 == 0;
  Bytes payload;
  ByteWriter out(payload);
  const uint64_t wait_ms = 1'000 + draws.at(1) % (kPollWaitMsMax - 1'000);
  const uint64_t interval_ms_max = 1'000 + draws.at(3) % 5'000;
  idle_interval_ms_ = waits ? wait_ms : interval_ms_max;
  is_held_back_ = waits;
  out.varint(waits ? wait_ms : 0);
  out.varint(50 + draws.at(2) % 1'000);
  out.varint(interval_ms_max);
  TG_ASSERT(command(client::Command::SetPolling, payload).error == 0);
}

uint64_t SimClient::silent_frames_max(uint64_t silence_ms) const {
  // Pings and their answers: four a minute, with room.
  constexpr uint64_t kPings = 40;
  if (!over_exchanges_) return kPings;
  // A question, a Welcome and the end of the answer. One that was held back tells of each map,
  // which the shards may do in frames of their own.
  const uint64_t frames = 3 + (is_held_back_ ? open_maps().size() : 0);
  return kPings + frames * (silence_ms / idle_interval_ms_ + 1);
}

void SimClient::open_exchanges() {
  over_exchanges_ = true;
  is_open_ = true;
  // The engine is not called while it calls.
  scheduler_.after(0, actor_, OnExchangesOpen, ++exchanges_opened_);
}

void SimClient::close_exchanges() {
  over_exchanges_ = false;
  ++exchanges_opened_;
  std::erase_if(exchanges_, [&](const auto& under_way) {
    if (under_way.second.is_given_up) return false;
    network_.close_by_client(under_way.first);
    return true;
  });
}

void SimClient::start_exchange(ByteReader& in) {
  Exchange exchange;
  exchange.id = in.varint();
  in.u8();
  in.varint();
  exchange.request = to_bytes(in.rest());
  exchange.started_us = scheduler_.now_us();
  exchange.acks = acks_;
  exchange.asked = checker_.positions().now();
  const uint64_t number = ++exchanges_started_;
  exchange.is_lost = strikes(Fault::LostAnswer, number);
  exchange.is_heard = true;
  checker_.frame(exchange.request, false);
  asking_ = exchange.id;
  FrameReader reader(exchange.request);
  while (const std::optional<MessageView> message = reader.next()) {
    switch (static_cast<MessageKind>(message->kind)) {
      case MessageKind::Operations:
        learn_own(message->payload, true);
        break;
      case MessageKind::Subscribe: {
        check_subscribe(message->payload);
        const Result<SubscribeMessage> subscribe = decode_subscribe(message->payload);
        if (subscribe.ok()) exchange.unanswered.insert(subscribe->subscription);
        break;
      }
      case MessageKind::Exchange: {
        const Result<ExchangeMessage> options = decode_exchange(message->payload);
        exchange.is_quiet = options.ok() && options->quiet;
        break;
      }
      default:
        break;
    }
  }
  asking_ = 0;
  check_complete(exchange.id);
  if (strikes(Fault::DoubledRequest, number)) {
    Exchange copy = exchange;
    copy.is_heard = false;
    exchanges_.emplace(network_.connect(options_.number, ConnectionUse::Exchange), std::move(copy));
  }
  exchanges_.emplace(network_.connect(options_.number, ConnectionUse::Exchange),
                     std::move(exchange));
  plan_strike();
  plan_late_answers();
}

/// A request that carries operations begins with the first that no answer has acked: what an
/// earlier request carried in vain is carried again, unless it was overruled meanwhile.
void SimClient::check_complete(uint64_t exchange) {
  const auto carried = std::find_if(
      own_.begin(), own_.end(), [&](const auto& own) { return own.second.exchange == exchange; });
  if (!model_is_complete() || has_failed_to_store_ || carried == own_.end()) return;
  for (auto own = own_.begin(); own != carried; ++own) {
    if (!own->second.sent) continue;
    for (const ReferenceModel::Effect& effect : own->second.effects) {
      if (model_.find(own->second.map, effect.key) != effect.record) continue;
      return checker_.fail(Invariant::StatusIsTrue,
                           "client " + std::to_string(number()) + " leaves out operation " +
                               std::to_string(own->first) + " that no answer has acked");
    }
  }
}

void SimClient::cancel_exchange(uint64_t id) {
  for (auto it = exchanges_.begin(); it != exchanges_.end();) {
    if (it->second.id != id) {
      ++it;
      continue;
    }
    network_.close_by_client(it->first);
    it = exchanges_.erase(it);
  }
}

bool SimClient::strikes(Fault fault, uint64_t number) const {
  if (network_.is_calm()) return false;
  const Prng draws(options_.seed, stream_id("client.exchange"),
                   uint64_t{options_.number} << 8 | static_cast<uint64_t>(fault));
  return network_.strikes(fault, draws.at(number));
}

void SimClient::take_part(Exchange& exchange, const Bytes& frame) {
  if (frame.empty()) {
    exchange.is_whole = true;
  } else {
    exchange.answer.insert(exchange.answer.end(), frame.begin(), frame.end());
  }
}

void SimClient::end_exchange(uint64_t connection) {
  if (exchanges_.at(connection).is_given_up) return plan_late_answers();
  const Exchange exchange = std::move(exchanges_.at(connection));
  exchanges_.erase(connection);
  if (!exchange.is_heard) return;
  if (!exchange.is_whole || exchange.is_lost) {
    close_exchanges();
    command(client::Command::TransportClosed, {});
    return;
  }
  move_clock();
  connected_us_ = exchange.started_us;
  checker_.frame(exchange.answer, true);
  left_ = exchange.left;
  was_acked_meanwhile_ = exchange.acks != acks_;
  is_reading_held_ = !exchange.is_quiet;
  asked_ = &exchange.asked;
  model_frame(exchange.answer);
  model_silence(exchange);
  asked_ = nullptr;
  left_.clear();
  is_reading_held_ = was_acked_meanwhile_ = false;
  Bytes payload;
  ByteWriter out(payload);
  out.varint(exchange.id);
  const Bytes done = payload;
  out.raw(exchange.answer);
  answering_ = exchange.id;
  command(client::Command::ExchangePart, payload);
  if (engine_ != nullptr) command(client::Command::ExchangeDone, done);
  answering_ = 0;
  checker_.check_client(*this, false);
  keep_state();
}

/// In a quiet exchange, a map of which nothing is said is in step.
void SimClient::model_silence(const Exchange& exchange) {
  std::set<uint64_t> unanswered = exchange.unanswered;
  FrameReader reader(exchange.answer);
  while (const std::optional<MessageView> message = reader.next()) {
    switch (static_cast<MessageKind>(message->kind)) {
      case MessageKind::Synced: {
        const Result<SyncedMessage> synced = decode_synced(message->payload);
        if (synced.ok()) unanswered.erase(synced->subscription);
        break;
      }
      case MessageKind::More: {
        const Result<MoreMessage> more = decode_more(message->payload);
        if (more.ok()) unanswered.erase(more->subscription);
        break;
      }
      case MessageKind::Error: {
        const Result<ErrorMessage> error = decode_error(message->payload);
        const bool is_passed_over = error.ok() && !error->fatal &&
                                    error->error == static_cast<uint16_t>(Error::UnknownMessage);
        if (!is_passed_over) return;
        break;
      }
      default:
        break;
    }
  }
  if (!exchange.is_quiet) return;
  for (const OpenMap& map : open_maps()) {
    const bool is_silent = unanswered.count(map.handle) != 0 && !is_left(map.handle);
    if (!is_silent) continue;
    synced_ms_[map.ref] = welcomed_ms_;
    check_fresh(map.ref, exchange.asked);
  }
}

}  // namespace topgun::sim
