#include "host-native/net/shard_loop.hpp"

#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/assert.hpp"
#include "host-native/net/socket_tags.hpp"

namespace topgun::host {

namespace {

constexpr size_t kReceiveBytes = 256 * 1024;
constexpr size_t kCheckpointSliceBytes = 256 * 1024;
constexpr uint64_t kCheckpointBacklogBytesMax = 32 << 20;
constexpr uint64_t kPublishIntervalMs = 100;
constexpr int kEventsMax = 256;
constexpr int kWaitMaxMs = 1000;
/// How long a drain waits for the log before it closes sessions that still lack acks.
constexpr uint64_t kDrainAcksMs = 1000;
constexpr uint64_t kDrainCloseMs = 1500;

uint64_t clock_ms(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1000 + static_cast<uint64_t>(time.tv_nsec) / 1000000;
}

void watch(int epoll_fd, int fd, uint64_t tag) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = tag;
  TG_ASSERT(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0);
}

WebSocketClose close_code_for(Error reason) {
  switch (reason) {
    case Error::Draining:
    case Error::Closed:
      return WebSocketClose::GoingAway;
    case Error::TooLarge:
      return WebSocketClose::MessageTooBig;
    case Error::Overloaded:
    case Error::RateLimited:
    case Error::LimitExceeded:
      return WebSocketClose::TryAgainLater;
    case Error::Internal:
    case Error::OutOfMemory:
      return WebSocketClose::InternalError;
    default:
      break;
  }
  const auto group = static_cast<uint16_t>(reason) / 100;
  return group == 1 ? WebSocketClose::ProtocolError : WebSocketClose::PolicyViolation;
}

}  // namespace

ShardLoop::ShardLoop(ShardLoopOptions options)
    : options_(std::move(options)),
      shard_(options_.shard),
      epoll_fd_(epoll_create1(EPOLL_CLOEXEC)),
      durable_seen_(options_.shard.shard_count, 0),
      receive_scratch_(kReceiveBytes) {
  TG_ASSERT(epoll_fd_ >= 0);
  if (options_.tls != nullptr) plaintext_scratch_.resize(kReceiveBytes);
  watch(epoll_fd_, doorbell_.fd(), kDoorbellTag);
  read_clock();
  next_tick_ms_ = now_.mono_ms;
}

ShardLoop::~ShardLoop() {
  // Sockets that were handed over but never opened.
  mailbox_.drain([](Notice notice) {
    if (const auto* socket = std::get_if<AdoptSocket>(&notice)) close(socket->fd);
  });
  if (listen_fd_ >= 0) close(listen_fd_);
  close(epoll_fd_);
}

void ShardLoop::listen_on(int fd) {
  listen_fd_ = fd;
  watch(epoll_fd_, fd, kListenTag);
}

// --- any thread ---

void ShardLoop::notify(Notice notice) {
  mailbox_.push(std::move(notice));
  doorbell_.ring();
}

void ShardLoop::post(node::ShardMessage message) { notify(std::move(message)); }
void ShardLoop::adopt(int fd, bool loopback) { notify(AdoptSocket{fd, loopback}); }
void ShardLoop::log_failed(Error error) { notify(LogFailed{error}); }
void ShardLoop::log_recovered() { notify(LogRecovered{}); }
void ShardLoop::request_checkpoint() { notify(CheckpointWanted{}); }
void ShardLoop::drain() { notify(Drain{}); }
void ShardLoop::answer(node::ConnectionId connection, HttpResponse response) {
  notify(Answer{connection, std::move(response)});
}

// --- the turn ---

void ShardLoop::read_clock() {
  now_.wall_ms = clock_ms(CLOCK_REALTIME);
  // Unlike CLOCK_MONOTONIC it counts the time a machine sleeps, in which peers gave up on us.
  now_.mono_ms = clock_ms(CLOCK_BOOTTIME);
}

int ShardLoop::wait_timeout_ms() const {
  if (more_work_ || (checkpointing_ && checkpoint_may_go_on())) return 0;
  uint64_t until = std::min(now_.mono_ms + kWaitMaxMs, next_tick_ms_);
  if (!deadline_checks_.empty()) until = std::min(until, deadline_checks_.top().at_ms);
  if (accept_again_ms_ != 0) until = std::min(until, accept_again_ms_);
  if (drain_stage_ != DrainStage::None) until = std::min(until, now_.mono_ms + 10);
  return until <= now_.mono_ms ? 0 : static_cast<int>(until - now_.mono_ms);
}

void ShardLoop::run() {
  epoll_event events[kEventsMax];
  while (drain_stage_ != DrainStage::Done) {
    int timeout_ms = wait_timeout_ms();
    if (timeout_ms > 0) {
      doorbell_.about_to_sleep();
      bool news = !mailbox_.empty();
      for (uint16_t s = 0; options_.durable != nullptr && s < durable_seen_.size(); ++s) {
        news = news || options_.durable->get(s) != durable_seen_[s];
      }
      if (news) timeout_ms = 0;
    }
    const int count = epoll_wait(epoll_fd_, events, kEventsMax, timeout_ms);
    doorbell_.awake();
    more_work_ = false;
    read_clock();

    take_notices();
    take_durable();
    for (int i = 0; i < count; ++i) {
      const uint64_t tag = events[i].data.u64;
      if (tag == kDoorbellTag) {
        doorbell_.silence();
      } else if (tag == kListenTag) {
        accept_ready();
      } else {
        on_socket_event({tag}, events[i].events);
      }
    }
    if (accept_again_ms_ != 0 && now_.mono_ms >= accept_again_ms_) accept_ready();
    tick_if_due();
    expire_deadlines();
    checkpoint_slice();
    if (drain_stage_ != DrainStage::None) continue_drain();
    finish_turn();
  }
}

void ShardLoop::take_notices() {
  mailbox_.drain([this](Notice notice) { take_notice(std::move(notice)); });
}

void ShardLoop::take_notice(Notice notice) {
  if (auto* message = std::get_if<node::ShardMessage>(&notice)) {
    shard_.message(*message, now_);
  } else if (const auto* socket = std::get_if<AdoptSocket>(&notice)) {
    open_connection(socket->fd, socket->loopback);
  } else if (const auto* failure = std::get_if<LogFailed>(&notice)) {
    shard_.log_failed(failure->error, now_);
  } else if (std::holds_alternative<LogRecovered>(notice)) {
    shard_.log_recovered(now_);
  } else if (std::holds_alternative<CheckpointWanted>(notice)) {
    checkpointing_ = true;
  } else if (auto* answer = std::get_if<Answer>(&notice)) {
    Connection* connection = find(answer->connection);
    if (connection == nullptr || !connection->awaiting_answer) return;
    connection->awaiting_answer = false;
    respond(*connection, answer->response, /*keep_alive=*/false, /*head=*/false);
  } else if (std::holds_alternative<Drain>(notice) && drain_stage_ == DrainStage::None) {
    drain_stage_ = DrainStage::Acks;
    drain_deadline_ms_ = now_.mono_ms + kDrainAcksMs;
    if (listen_fd_ >= 0) close(listen_fd_);
    listen_fd_ = -1;
    accept_again_ms_ = 0;
  }
}

void ShardLoop::take_durable() {
  if (options_.durable == nullptr) return;
  for (uint16_t s = 0; s < durable_seen_.size(); ++s) {
    const uint64_t sequence = options_.durable->get(s);
    if (sequence == durable_seen_[s]) continue;
    durable_seen_[s] = sequence;
    shard_.durable(s, sequence, now_);
  }
}

void ShardLoop::expire_deadlines() {
  while (!deadline_checks_.empty() && deadline_checks_.top().at_ms <= now_.mono_ms) {
    const DeadlineCheck check = deadline_checks_.top();
    deadline_checks_.pop();
    Connection* connection = find(check.connection);
    if (connection == nullptr || connection->deadline_check_ms != check.at_ms) continue;
    connection->deadline_check_ms = 0;
    if (connection->deadline_ms != 0 && connection->deadline_ms <= now_.mono_ms) {
      on_deadline(*connection);
    } else {
      plan_deadline_check(*connection);
    }
  }
}

void ShardLoop::on_deadline(Connection& connection) {
  if (connection.exchange && connection.exchange->http.is_stream && !connection.half_closed) {
    return send_heartbeat(connection);
  }
  const bool is_in_request = connection.phase == Connection::Phase::Http && connection.http;
  return is_in_request ? refuse_request(connection, 408) : destroy(connection);
}

/// The shard counts its wish from the latest event, so it is kept until it is granted: a busy loop
/// would otherwise put the tick off for ever.
void ShardLoop::tick_if_due() {
  next_tick_ms_ = std::min(next_tick_ms_, shard_.next_tick_ms());
  if (now_.mono_ms < next_tick_ms_) return;
  shard_.tick(now_);
  next_tick_ms_ = shard_.next_tick_ms();
}

bool ShardLoop::checkpoint_may_go_on() const {
  return options_.storage == nullptr ||
         options_.storage->checkpoint_backlog_bytes() < kCheckpointBacklogBytesMax;
}

void ShardLoop::checkpoint_slice() {
  if (!checkpointing_ || !checkpoint_may_go_on()) return;
  node::CheckpointChunk chunk = shard_.next_checkpoint_chunk(kCheckpointSliceBytes);
  checkpointing_ = !chunk.last;
  if (options_.storage != nullptr)
    options_.storage->checkpoint(options_.shard.shard, std::move(chunk));
}

void ShardLoop::finish_turn() {
  shard_.end_turn(now_);
  carry_out(shard_.take_effects());
  flush_dirty();
  bury_dead();
  ++counters_[LoopStats::Turns];
  publish_stats();
}

/// Gauges of the shard cost a walk over its maps. An idle loop still turns at every tick, so the
/// figures are never much older than one.
void ShardLoop::publish_stats() {
  if (now_.mono_ms < publish_at_ms_) return;
  publish_at_ms_ = now_.mono_ms + kPublishIntervalMs;
  counters_[LoopStats::Connections] = slots_.size() - free_slots_.size();
  stats_.publish(counters_, shard_.stats());
}

void ShardLoop::carry_out(node::Effects effects) {
  if (effects.log.first_sequence != 0 && options_.storage != nullptr) {
    last_appended_ = effects.log.last_sequence;
    options_.storage->append(options_.shard.shard, std::move(effects.log));
  }
  for (node::Effects::Post& post : effects.posts) {
    TG_ASSERT(post.shard < peers_.size());
    peers_[post.shard]->post(std::move(post.message));
  }
  for (node::Effects::Send& send : effects.sends) {
    Connection* connection = find(send.connection);
    if (connection == nullptr) continue;
    if (connection->phase == Connection::Phase::WebSocket) {
      send_frame(*connection, WebSocketOpcode::Binary, std::move(send.frame));
    } else if (connection->exchange) {
      take_exchange_frame(*connection, std::move(send.frame));
    }
  }
  for (const node::Effects::Close& close : effects.closes) {
    Connection* connection = find(close.connection);
    if (connection == nullptr || connection->phase != Connection::Phase::WebSocket) continue;
    close_websocket(*connection, close_code_for(close.reason), error_name(close.reason));
  }
  for (const node::Effects::Answer& answer : effects.answers) {
    Connection* connection = find(answer.exchange);
    if (connection != nullptr && connection->exchange) finish_exchange(*connection, answer.error);
  }
  send_events();
}

/// First the acks for what is on its way to the disk, then the sessions, then the sockets; each
/// stage ends when it is done or when its time is up.
void ShardLoop::continue_drain() {
  if (drain_stage_ == DrainStage::Acks) {
    const uint16_t shard = options_.shard.shard;
    const bool all_durable = options_.storage == nullptr || options_.durable == nullptr ||
                             options_.durable->get(shard) >= last_appended_;
    if (!all_durable && now_.mono_ms < drain_deadline_ms_) return;
    drain_stage_ = DrainStage::Closing;
    drain_deadline_ms_ = now_.mono_ms + kDrainCloseMs;
    shard_.drain(now_);
    finish_turn();
    for (const auto& connection : slots_) {
      if (connection == nullptr) continue;
      if (connection->phase == Connection::Phase::WebSocket) {
        close_websocket(*connection, WebSocketClose::GoingAway, error_name(Error::Draining));
      } else if (connection->phase == Connection::Phase::Http) {
        start_closing(*connection);
      }
    }
    return;
  }
  const bool all_gone = free_slots_.size() + dead_slots_.size() == slots_.size();
  if (all_gone || now_.mono_ms >= drain_deadline_ms_) drain_stage_ = DrainStage::Done;
}

void ShardLoop::bury_dead() {
  for (const uint32_t slot : dead_slots_) {
    slots_[slot].reset();
    free_slots_.push_back(slot);
  }
  dead_slots_.clear();
}

}  // namespace topgun::host
