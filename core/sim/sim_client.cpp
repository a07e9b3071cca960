#include "core/sim/sim_client.hpp"

#include <algorithm>

#include "core/base/byte_io.hpp"
#include "core/base/probe.hpp"
#include "core/dataflow/client_queries.hpp"
#include "core/sim/invariant_checker.hpp"

namespace topgun::sim {
namespace {

constexpr uint64_t kActorKey = uint64_t{1} << 32;

}  // namespace

const std::vector<OpenMap>& open_maps() {
  static const std::vector<OpenMap> kMaps = {
      {kLwwHandle, {MapKind::Lww, "notes"}},
      {kOrHandle, {MapKind::Or, "tags"}},
      {kCounterHandle, {MapKind::Counter, "hits"}},
  };
  return kMaps;
}

uint64_t handle_of(const MapRef& ref) {
  for (const OpenMap& map : open_maps()) {
    if (map.ref == ref) return map.handle;
  }
  return 0;
}

SimClient::SimClient(const Options& options, Scheduler& scheduler, VirtualNetwork& network,
                     InvariantChecker& checker)
    : options_(options),
      scheduler_(scheduler),
      network_(network),
      checker_(checker),
      clock_(options.clock),
      node_questions_(options.number, checker, [this](client::Command code, ByteView payload) {
        return command(code, payload).error;
      }) {
  actor_ = scheduler_.add(*this, kActorKey + options.number);
  if (!options.asks) return;
  queries_ = std::make_unique<SimClientQueries>(
      SimClientQueries::Options{options.number, options.seed}, checker,
      [this](const CommandRequest& request) { run_query(request); });
}

// --- life ---

void SimClient::start() {
  TG_ASSERT(engine_ == nullptr);
  engine_ = std::make_unique<client::Engine>(queries_ == nullptr ? nullptr
                                                                 : &dataflow::ClientQueries::make);
  ++starts_;
  synced_.clear();
  unfollowed_.clear();
  entries_.clear();
  elements_.clear();
  counters_.clear();
  own_.clear();
  own_counts_.clear();
  learns_anew_ = false;
  has_failed_to_store_ = false;
  const std::map<std::string, Bytes>& stored_rows = has_storage() ? rows_ : inherited_;
  load_model(stored_rows);

  Prng seed(options_.seed, stream_id("client.seed"), uint64_t{options_.number} << 32 | starts_);
  Bytes payload;
  ByteWriter out(payload);
  out.u64(seed.at(0));
  out.u64(seed.at(1));
  out.u64(0);
  out.varint(0);
  out.u8(options_.has_storage ? 0 : 1);
  command(client::Command::Open, payload);
  for (const auto& [key, row] : stored_rows) {
    Bytes stored;
    ByteWriter stored_out(stored);
    stored_out.blob(as_bytes(key));
    stored_out.blob(row);
    command(client::Command::LoadRow, stored);
  }
  const Answer started = command(client::Command::Start, {});
  TG_ASSERT(started.error == 0);
  ByteReader in(started.payload);
  replica_ = in.u64();
  if (!has_storage()) checker_.instance_begins(replica_);
  set_polling();
  follow_all();
  if (queries_ != nullptr) queries_->restart();
  node_questions_.restart();
  go_online(wants_online_);
}

void SimClient::kill() {
  clock_.thaw(scheduler_.now_us());
  asleep_ = is_frozen_ = clock_stands_ = false;
  strike_.reset();
  if (engine_ == nullptr) return;
  engine_.reset();
  if (queries_ != nullptr) queries_->stop();
  node_questions_.stop();
  if (connection_ != 0) network_.close_by_client(connection_);
  connection_ = 0;
  for (auto& [connection, exchange] : exchanges_) exchange.is_given_up = false;
  close_exchanges();
  is_open_ = false;
  unread_.clear();
  closed_unread_ = opened_unread_ = false;
  wake_ms_ = 0;
  status_ = client::Status::Offline;
  // Transactions end in order; how many of those under way ended, nobody knows.
  const Prng fate(options_.seed, stream_id("client.kill"),
                  uint64_t{options_.number} << 32 | starts_);
  const uint64_t done = Prng::multiply_high(fate.at(0), transactions_.size() + 1);
  for (uint64_t i = 0; i < done; ++i) {
    if (!quota_exceeded_) apply(transactions_[static_cast<size_t>(i)]);
  }
  if (done < transactions_.size() || has_unseen_writes_ || quota_exceeded_) {
    checker_.client_lost_writes();
  }
  if (quota_exceeded_) may_lack_its_own_ = has_lost_rows_ = true;
  transactions_.clear();
  withdrawn_.clear();
  storing_ = false;
}

void SimClient::sleep(bool asleep) {
  if (asleep == asleep_) return;
  asleep_ = asleep;
  if (asleep) {
    clock_.freeze(scheduler_.now_us());
    return;
  }
  clock_.thaw(scheduler_.now_us());
  if (engine_ == nullptr) return;
  if (opened_unread_) {
    opened_unread_ = false;
    on_opened(connection_);
  }
  while (!unread_.empty() && engine_ != nullptr && connection_ != 0) {
    const Bytes frame = std::move(unread_.front());
    unread_.pop_front();
    on_frame(connection_, frame);
  }
  unread_.clear();
  std::vector<uint64_t> answered;
  for (const auto& [connection, exchange] : exchanges_) {
    if (exchange.is_closed) answered.push_back(connection);
  }
  for (const uint64_t connection : answered) {
    if (engine_ != nullptr && exchanges_.count(connection) != 0) end_exchange(connection);
  }
  if (closed_unread_ && connection_ != 0) on_closed(connection_);
  closed_unread_ = false;
  if (engine_ != nullptr) command(client::Command::Tick, {});
  plan_storage();
}

void SimClient::replan() {
  clock_is_doubtful_ = true;
  if (engine_ != nullptr && !asleep_) command(client::Command::Tick, {});
}

void SimClient::heal() {
  thaw(0);
  sleep(false);
  quota_exceeded_ = false;
  clock_.set_right(scheduler_.now_us());
  if (engine_ == nullptr) start();
  follow_all();
  go_online(true);
  replan();
}

// --- the engine ---

namespace {

void write_command(ByteWriter& out, client::Command code, ByteView payload) {
  out.u32(static_cast<uint32_t>(payload.size() + 1));
  out.u8(static_cast<uint8_t>(code));
  out.raw(payload);
}

CommandAnswer read_command_answer(ByteReader& in) {
  CommandAnswer answer;
  const uint32_t size = in.u32();
  answer.error = in.u16();
  answer.payload = to_bytes(in.raw(size - 2));
  return answer;
}

}  // namespace

SimClient::Answer SimClient::command(client::Command code, ByteView payload) {
  return run(code, payload, std::exchange(rider_, nullptr));
}

/// One turn: the command, and the rider behind it.
SimClient::Answer SimClient::run(client::Command code, ByteView payload,
                                 const CommandRequest* rider) {
  Bytes request;
  ByteWriter out(request);
  const Now time = now();
  out.u8(client::kEngineProtocolVersion);
  out.u64(time.wall_ms);
  out.u64(time.mono_ms);
  write_command(out, code, payload);
  if (rider != nullptr) write_command(out, rider->code, rider->payload);
  ByteReader in(engine_->exec(request));
  Answer answer = read_command_answer(in);
  if (rider != nullptr) rider->then(read_command_answer(in));
  TG_ASSERT(in.ok() && in.at_end());
  turn_ = code;
  take_events();
  if (queries_ != nullptr) queries_->end_turn();
  return answer;
}

void SimClient::run_query(const CommandRequest& request) {
  const std::optional<EntryWrite> write = std::exchange(joined_write_, std::nullopt);
  if (write.has_value()) {
    rider_ = &request;
    return set(write->key, write->value, 0);
  }
  // A turn in which nothing but the question happens.
  run(client::Command::LastSequence, {}, &request);
}

void SimClient::take_events() {
  const Bytes events = to_bytes(engine_->poll());
  has_news_ = has_news_ || !events.empty();
  ByteReader in(events);
  while (!in.at_end()) {
    const ByteView event = in.raw(in.u32());
    TG_ASSERT(in.ok() && !event.empty());
    on_engine_event(static_cast<client::Event>(event[0]), event.subspan(1));
  }
}

void SimClient::on_engine_event(client::Event event, ByteView payload) {
  ByteReader in(payload);
  const bool is_news = event == client::Event::MapSynced || event == client::Event::Ack ||
                       event == client::Event::Rejected || event == client::Event::Status;
  if (reads_late_ && is_news) ++late_events_;
  switch (event) {
    case client::Event::Entry:
      return on_entry(in);
    case client::Event::Element:
      return on_element(in);
    case client::Event::Counter: {
      in.varint();
      std::string key(as_text(in.blob(kKeyBytesMax)));
      counters_[std::move(key)] = static_cast<int64_t>(in.u64());
      return;
    }
    case client::Event::MapSynced:
      synced_.insert(in.varint());
      return;
    case client::Event::Connect:
      is_open_ = false;
      unread_.clear();
      closed_unread_ = opened_unread_ = false;
      if (draws_exchanges()) return open_exchanges();
      connection_ = network_.connect(options_.number);
      connected_us_ = scheduler_.now_us();
      return;
    case client::Event::Disconnect:
      if (connection_ != 0) network_.close_by_client(connection_);
      connection_ = 0;
      close_exchanges();
      is_open_ = false;
      synced_.clear();
      return;
    case client::Event::Exchange:
      return start_exchange(in);
    case client::Event::CancelExchange:
      return cancel_exchange(in.varint());
    case client::Event::Send:
      return on_send(payload);
    case client::Event::Persist:
      return on_persist(payload);
    case client::Event::Wake:
      wake_ms_ = in.u64();
      return plan_timer();
    case client::Event::Status:
      status_ = static_cast<client::Status>(in.u8());
      if (status_ != client::Status::Online) synced_.clear();
      return;
    case client::Event::Ack: {
      const uint8_t level = in.u8();
      const uint64_t sequence = in.varint();
      if (level < static_cast<uint8_t>(AckLevel::Local)) return;
      ++acks_;
      while (!own_.empty() && own_.begin()->first <= sequence) {
        // What was never sent was overruled by what was, and is not asked for.
        // Nor is a promise that a node gave before it lost its disk, and that arrives afterwards.
        const OwnOperation& own = own_.begin()->second;
        const bool counts =
            own.sent && is_spoken_of(own) && connected_us_ >= checker_.node_lost_us();
        if (counts)
          checker_.acked_local({{own_.begin()->second.author}, own_.begin()->first},
                               own_.begin()->second.map, own_.begin()->second.effects);
        own_.erase(own_.begin());
      }
      return;
    }
    case client::Event::QueryRows:
      return queries_->on_rows(payload, turn_);
    case client::Event::QueryGroups:
      return queries_->on_groups(payload);
    case client::Event::ReplicaReplaced:
      TG_SOMETIMES(has_live_queries(), LiveReplaced);
      checker_.client_lost_writes();
      own_.clear();
      in.u64();
      replica_ = in.u64();
      learns_anew_ = true;
      return;
    case client::Event::Rejected:
      TG_SOMETIMES(has_live_queries(), LiveTakesBack);
      checker_.client_lost_writes();
      // What taking it back brought to light goes into no row while storage fails.
      if (has_unseen_writes_) learns_anew_ = true;
      if (in.varint() == 0) model_untaken(in);
      return;
    case client::Event::NodeAnswer:
      return node_questions_.on_answer(payload);
    case client::Event::NodeSteps:
      return node_questions_.on_steps(payload);
    case client::Event::NodeQueryFailed:
      return node_questions_.on_failed(payload);
    // Only a leading tab asks for echoes of writes.
    case client::Event::WrittenEntry:
    case client::Event::WrittenElement:
    case client::Event::WrittenCounter:
    case client::Event::MapLoaded:
    case client::Event::IndexReady:
    case client::Event::Error:
      return;
  }
}

void SimClient::on_entry(ByteReader& in) {
  in.varint();
  std::string key(as_text(in.blob(kKeyBytesMax)));
  const bool present = in.u8() != 0;
  const uint64_t expires_at_ms = in.u64();
  entries_.erase(key);
  if (queries_ != nullptr) present ? queries_->show(key, in.rest()) : queries_->hide(key);
  if (!present) return;
  checker_.seen(open_maps()[0].ref, key, in.rest());
  if (expires_at_ms == 0) entries_[std::move(key)] = to_bytes(in.rest());
}

void SimClient::on_element(ByteReader& in) {
  in.varint();
  std::string key(as_text(in.blob(kKeyBytesMax)));
  std::string tag(as_text(in.raw(kTagBytesMax)));
  const bool present = in.u8() != 0;
  const uint64_t expires_at_ms = in.u64();
  if (present) checker_.seen(open_maps()[1].ref, key, in.rest());
  ReferenceModel::RecordKey element{std::move(key), std::move(tag)};
  elements_.erase(element);
  if (present && expires_at_ms == 0) elements_[std::move(element)] = to_bytes(in.rest());
}

// --- time and network ---

void SimClient::plan_timer() {
  if (wake_ms_ == 0) return;
  const uint64_t at_us = clock_.true_time_of(wake_ms_, scheduler_.now_us());
  planned_us_ = at_us;
  scheduler_.at(at_us, actor_, OnTimer, at_us);
}

void SimClient::on_event(uint32_t kind, uint64_t argument) {
  if (kind == OnStored) {
    if (argument != starts_) return;
    storing_ = false;
    if (engine_ == nullptr || asleep_ || transactions_.empty()) return;
    finish_transaction(quota_exceeded_ && !transactions_.front().puts.empty());
    plan_storage();
    return;
  }
  if (kind == OnExchangesOpen) {
    const bool is_meant = over_exchanges_ && argument == exchanges_opened_;
    if (engine_ == nullptr || !is_meant) return;
    const uint8_t exchanges = 1;
    command(client::Command::TransportOpened, ByteView(&exchanges, 1));
    return;
  }
  if (kind == OnStruck) {
    if (strike_.has_value() && strike_->number == argument) strike(*std::exchange(strike_, {}));
    return;
  }
  if (kind == OnLate) return take_late_answers();
  // Timers are not taken back; one that was replaced finds another time planned.
  if (engine_ == nullptr || clock_.is_frozen() || argument != planned_us_) return;
  command(client::Command::Tick, {});
}

void SimClient::on_opened(uint64_t connection) {
  const auto exchange = exchanges_.find(connection);
  if (exchange != exchanges_.end()) {
    return network_.send_to_node(connection, exchange->second.request);
  }
  if (engine_ == nullptr || connection != connection_) return;
  if (asleep_) {
    opened_unread_ = true;
    return;
  }
  is_open_ = true;
  command(client::Command::TransportOpened, {});
}

void SimClient::on_frame(uint64_t connection, const Bytes& frame) {
  const auto exchange = exchanges_.find(connection);
  if (exchange != exchanges_.end()) return take_part(exchange->second, frame);
  if (engine_ == nullptr || connection != connection_) return;
  if (asleep_) {
    unread_.push_back(frame);
    return;
  }
  checker_.frame(frame, true);
  has_news_ = true;
  model_frame(frame);
  command(client::Command::TransportFrame, frame);
  checker_.check_client(*this, false);
}

void SimClient::on_closed(uint64_t connection) {
  const auto exchange = exchanges_.find(connection);
  if (exchange != exchanges_.end()) {
    exchange->second.is_closed = true;
    if (asleep_ || engine_ == nullptr) return;
    return end_exchange(connection);
  }
  if (engine_ == nullptr || connection != connection_) return;
  if (asleep_) {
    closed_unread_ = true;
    return;
  }
  connection_ = 0;
  is_open_ = false;
  command(client::Command::TransportClosed, {});
}

void SimClient::on_send(ByteView frame) {
  if (connection_ == 0) return;
  checker_.frame(frame, false);
  FrameReader reader(frame);
  while (const std::optional<MessageView> message = reader.next()) {
    if (message->kind == static_cast<uint8_t>(MessageKind::Operations)) {
      learn_own(message->payload, true);
    } else if (message->kind == static_cast<uint8_t>(MessageKind::Subscribe)) {
      check_subscribe(message->payload);
    }
  }
  network_.send_to_node(connection_, to_bytes(frame));
}

// --- what can be seen ---

uint64_t SimClient::pending() {
  const Answer answer = command(client::Command::LastSequence, {});
  ByteReader in(answer.payload);
  in.varint();
  return in.varint();
}

MerkleRoot SimClient::root(uint64_t handle) {
  Bytes payload;
  ByteWriter(payload).varint(handle);
  const Answer answer = command(client::Command::Root, payload);
  ByteReader in(answer.payload);
  MerkleRoot root;
  root.sum = in.u64();
  root.mixed_sum = in.u64();
  return root;
}

bool SimClient::is_synced(uint64_t handle) const { return synced_.count(handle) != 0; }

}  // namespace topgun::sim
