#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/assert.hpp"
#include "host-native/net/shard_loop.hpp"
#include "host-native/net/socket_tags.hpp"

namespace topgun::host {

namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr uint64_t kAcceptPauseMs = 100;
constexpr size_t kSpareQueuesMax = 1024;
constexpr size_t kClosingBytesMax = 4096;

bool is_loopback(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return v6.sin6_addr.s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
  }
  return false;
}

}  // namespace

// --- the life of a connection ---

void ShardLoop::accept_ready() {
  if (listen_fd_ < 0) return;
  if (accept_again_ms_ != 0) watch_listener(EPOLLIN);
  accept_again_ms_ = 0;
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    const int fd = accept4(listen_fd_, reinterpret_cast<sockaddr*>(&address), &size,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      ShardLoop* peer = peers_[next_peer_++ % peers_.size()];
      if (peer == this) {
        open_connection(fd, is_loopback(address));
      } else {
        peer->adopt(fd, is_loopback(address));
      }
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    if (errno == EINTR || errno == ECONNABORTED) continue;
    // Out of descriptors or memory: the socket would be reported again and again.
    options_.logger->warn("accept failed", {{"errno", int64_t{errno}}});
    accept_again_ms_ = now_.mono_ms + kAcceptPauseMs;
    return watch_listener(0);
  }
}

void ShardLoop::watch_listener(uint32_t interest) {
  epoll_event event{};
  event.events = interest;
  event.data.u64 = kListenTag;
  epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, listen_fd_, &event);
}

void ShardLoop::open_connection(int fd, bool loopback) {
  const size_t open = slots_.size() - free_slots_.size();
  if (open >= options_.net.connections_max || drain_stage_ != DrainStage::None) {
    close(fd);
    return;
  }
  const int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  const unsigned int timeout = options_.net.peer_timeout_ms;
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));

  if (free_slots_.empty()) {
    TG_ASSERT(slots_.size() <= kSlotMask);
    free_slots_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  const node::ConnectionId id{(next_serial_++ << kSlotBits) | slot};
  slots_[slot] = std::make_unique<Connection>(fd, id);
  Connection& connection = *slots_[slot];
  connection.loopback = loopback;
  if (options_.tls != nullptr) connection.tls = std::make_unique<TlsSession>(*options_.tls);

  epoll_event event{};
  event.events = connection.interest = EPOLLIN | EPOLLRDHUP;
  event.data.u64 = id.value;
  ++counters_[LoopStats::Accepted];
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) != 0) return destroy(connection);
  set_deadline(connection, options_.net.handshake_timeout_ms);
}

Connection* ShardLoop::find(node::ConnectionId id) {
  const uint64_t slot = id.value & kSlotMask;
  if (slot >= slots_.size() || slots_[slot] == nullptr) return nullptr;
  Connection& connection = *slots_[slot];
  if (connection.id != id || connection.phase == Connection::Phase::Dead) return nullptr;
  return &connection;
}

void ShardLoop::set_deadline(Connection& connection, uint64_t after_ms) {
  connection.deadline_ms = after_ms == 0 ? 0 : now_.mono_ms + after_ms;
  plan_deadline_check(connection);
}

void ShardLoop::plan_deadline_check(Connection& connection) {
  if (connection.deadline_ms == 0) return;
  const bool planned_before =
      connection.deadline_check_ms != 0 && connection.deadline_check_ms <= connection.deadline_ms;
  if (planned_before) return;
  connection.deadline_check_ms = connection.deadline_ms;
  deadline_checks_.push({connection.deadline_ms, connection.id});
}

void ShardLoop::leave_session(Connection& connection) {
  if (!connection.in_session) return;
  connection.in_session = false;
  connection.exchange.reset();
  shard_.closed(connection.id, now_);
  more_work_ = true;
}

void ShardLoop::destroy(Connection& connection) {
  if (connection.phase == Connection::Phase::Dead) return;
  leave_session(connection);
  connection.phase = Connection::Phase::Dead;
  close(connection.fd);  // Also takes it out of epoll.
  connection.fd = -1;
  dead_slots_.push_back(static_cast<uint32_t>(connection.id.value & kSlotMask));
}

/// Sends what is queued, then ends our side and waits for the peer to end its own: closing at once
/// could reset the connection before the peer has read our last bytes.
void ShardLoop::start_closing(Connection& connection) {
  leave_session(connection);
  connection.phase = Connection::Phase::Closing;
  connection.input = Bytes();
  set_deadline(connection, options_.net.close_timeout_ms);
  if (!connection.dirty) {
    connection.dirty = true;
    dirty_.push_back(connection.id);
  }
}

void ShardLoop::close_websocket(Connection& connection, WebSocketClose code,
                                std::string_view reason) {
  Bytes payload;
  if (code != WebSocketClose::NoStatus) payload = websocket_close_payload(code, reason);
  send_frame(connection, WebSocketOpcode::Close, std::make_shared<const Bytes>(std::move(payload)));
  start_closing(connection);
}

// --- reading ---

void ShardLoop::on_socket_event(node::ConnectionId id, uint32_t events) {
  Connection* connection = find(id);
  if (connection == nullptr) return;
  if ((events & EPOLLOUT) != 0 && !connection->dirty) {
    connection->dirty = true;
    dirty_.push_back(id);
  }
  if ((events & EPOLLRDHUP) != 0 && connection->exchange) return on_half_closed(*connection);
  if ((events & EPOLLIN) != 0 && connection->awaiting_answer) {
    connection->input_paused = true;
    return update_interest(*connection);
  }
  if ((events & EPOLLIN) != 0) return on_readable(*connection);
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) destroy(*connection);
}

void ShardLoop::on_readable(Connection& connection) {
  size_t size = 0;
  switch (connection.receive(receive_scratch_, size)) {
    case Connection::Received::Nothing:
      return;
    case Connection::Received::EndOfStream:
    case Connection::Received::Broken:
      return destroy(connection);
    case Connection::Received::Bytes:
      break;
  }
  counters_[LoopStats::BytesReceived] += size;
  const std::span<uint8_t> bytes(receive_scratch_.data(), size);
  if (connection.phase == Connection::Phase::Closing) return await_close(connection, bytes);
  if (connection.tls) return read_tls(connection, bytes);
  take_input(connection, bytes);
}

/// Everything is thrown away but the peer's own close frame: with it both sides have said what they
/// had to say, and there is no need to wait for the end of the stream. A close frame that is not
/// found (under TLS, or behind half a message) only costs that wait.
void ShardLoop::await_close(Connection& connection, std::span<uint8_t> bytes) {
  if (connection.tls || connection.input.size() + bytes.size() > kClosingBytesMax) return;
  Bytes& input = connection.input;
  input.insert(input.end(), bytes.begin(), bytes.end());
  size_t consumed = 0;
  while (true) {
    const auto item = connection.decoder.next(std::span(input).subspan(consumed), kClosingBytesMax);
    if (item.kind == WebSocketDecoder::Kind::Close && connection.shut_down) {
      return destroy(connection);
    }
    if (item.consumed == 0) break;
    consumed += item.consumed;
  }
  input.erase(input.begin(), input.begin() + static_cast<ptrdiff_t>(consumed));
}

void ShardLoop::read_tls(Connection& connection, ByteView ciphertext) {
  connection.tls->receive(ciphertext);
  while (connection.phase == Connection::Phase::Http ||
         connection.phase == Connection::Phase::WebSocket) {
    const Result<size_t> size = connection.tls->read(plaintext_scratch_);
    if (!size.ok()) return destroy(connection);
    if (*size == 0) break;
    take_input(connection, std::span(plaintext_scratch_.data(), *size));
  }
  // The handshake may have something to say.
  if (!connection.tls->pending().empty() && !connection.dirty) {
    connection.dirty = true;
    dirty_.push_back(connection.id);
  }
}

/// Whole frames and requests are read where they were received; only an incomplete one is kept.
void ShardLoop::take_input(Connection& connection, std::span<uint8_t> bytes) {
  if (connection.input.empty()) {
    const size_t consumed = consume(connection, bytes);
    const auto rest = bytes.subspan(consumed);
    if (rest.empty() || connection.phase >= Connection::Phase::Closing) return;
    const size_t frame =
        connection.phase == Connection::Phase::WebSocket ? WebSocketDecoder::frame_size(rest) : 0;
    connection.input.reserve(std::max(frame, rest.size()));
    connection.input.assign(rest.begin(), rest.end());
    return;
  }
  connection.input.insert(connection.input.end(), bytes.begin(), bytes.end());
  const size_t consumed = consume(connection, connection.input);
  if (connection.phase >= Connection::Phase::Closing) return;
  if (consumed == connection.input.size()) {
    connection.input = Bytes();
  } else {
    connection.input.erase(connection.input.begin(),
                           connection.input.begin() + static_cast<ptrdiff_t>(consumed));
  }
}

size_t ShardLoop::consume(Connection& connection, std::span<uint8_t> bytes) {
  size_t consumed = 0;
  if (connection.phase == Connection::Phase::Http) consumed = consume_http(connection, bytes);
  // What follows an upgrade request is frames already.
  if (connection.phase == Connection::Phase::WebSocket) {
    consumed += consume_frames(connection, bytes.subspan(consumed));
  }
  return consumed;
}

size_t ShardLoop::consume_frames(Connection& connection, std::span<uint8_t> bytes) {
  const size_t message_bytes_max = options_.shard.limits.frame_bytes_max;
  size_t consumed = 0;
  while (connection.phase == Connection::Phase::WebSocket) {
    const auto item = connection.decoder.next(bytes.subspan(consumed), message_bytes_max);
    consumed += item.consumed;
    switch (item.kind) {
      case WebSocketDecoder::Kind::NeedMore:
        return consumed;
      case WebSocketDecoder::Kind::Consumed:
        break;
      case WebSocketDecoder::Kind::Message:
        shard_.frame(connection.id, item.payload, now_);
        break;
      case WebSocketDecoder::Kind::Ping:
        send_frame(connection, WebSocketOpcode::Pong,
                   std::make_shared<const Bytes>(to_bytes(item.payload)));
        break;
      case WebSocketDecoder::Kind::Close:
        close_websocket(connection, item.close, {});
        break;
      case WebSocketDecoder::Kind::Violation:
        close_websocket(connection, item.close, "frame refused");
        break;
    }
  }
  return bytes.size();
}

// --- writing ---

OutputQueue& ShardLoop::output_of(Connection& connection) {
  if (!connection.output) {
    if (spare_queues_.empty()) spare_queues_.push_back(std::make_unique<OutputQueue>());
    connection.output = std::move(spare_queues_.back());
    spare_queues_.pop_back();
  }
  if (!connection.dirty) {
    connection.dirty = true;
    dirty_.push_back(connection.id);
  }
  return *connection.output;
}

void ShardLoop::send_frame(Connection& connection, WebSocketOpcode opcode,
                           node::SharedBytes payload) {
  output_of(connection).push_frame(opcode, std::move(payload));
}

void ShardLoop::send_raw(Connection& connection, node::SharedBytes bytes) {
  output_of(connection).push_raw(std::move(bytes));
}

void ShardLoop::flush_dirty() {
  for (size_t i = 0; i < dirty_.size(); ++i) {
    Connection* connection = find(dirty_[i]);
    if (connection == nullptr) continue;
    connection->dirty = false;
    flush(*connection);
  }
  dirty_.clear();
}

void ShardLoop::flush(Connection& connection) {
  const Connection::Flushed flushed = connection.flush(batch_, counters_[LoopStats::BytesSent]);
  report_sent(connection);
  switch (flushed) {
    case Connection::Flushed::Broken:
      return destroy(connection);
    case Connection::Flushed::Pending: {
      const size_t waiting = connection.output ? connection.output->bytes() : 0;
      if (waiting > 4 * size_t{options_.net.output_bytes_max}) {
        options_.logger->warn("output queue overflow", {{"bytes", uint64_t{waiting}}});
        return destroy(connection);
      }
      return update_interest(connection);
    }
    case Connection::Flushed::All:
      break;
  }
  if (connection.output) {
    if (spare_queues_.size() < kSpareQueuesMax)
      spare_queues_.push_back(std::move(connection.output));
    connection.output.reset();
  }
  if (connection.phase == Connection::Phase::Closing && !connection.shut_down) {
    connection.shut_down = true;
    if (connection.tls) {
      connection.tls->close();
      connection.flush(batch_, counters_[LoopStats::BytesSent]);
    }
    shutdown(connection.fd, SHUT_WR);
  }
  update_interest(connection);
}

/// A request is mostly answered before anything follows it, so a connection whose request is being
/// answered is watched on, and only one that has more to say is not: that saves two system calls a
/// request. The end of the peer's side is heard of either way.
void ShardLoop::update_interest(Connection& connection) {
  const size_t waiting = connection.output ? connection.output->bytes() : 0;
  const bool ciphertext = connection.tls && !connection.tls->pending().empty();
  const bool is_answering = connection.exchange && !connection.half_closed;
  const bool is_read = connection.awaiting_answer ? is_answering && !connection.input_paused
                                                  : waiting <= options_.net.output_bytes_max;
  uint32_t interest = 0;
  if (is_read) interest |= EPOLLIN;
  if (connection.phase == Connection::Phase::Http && (is_read || is_answering)) {
    interest |= EPOLLRDHUP;
  }
  if (waiting > 0 || ciphertext) interest |= EPOLLOUT;
  if (interest == connection.interest) return;
  connection.interest = interest;
  epoll_event event{};
  event.events = interest;
  event.data.u64 = connection.id.value;
  epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, connection.fd, &event);
}

}  // namespace topgun::host
