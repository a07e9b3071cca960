#include "tests/bench/load/load_connection.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/sync/batch.hpp"
#include "core/value/value_writer.hpp"

namespace topgun::bench {

namespace {

constexpr size_t kFrameBytesMax = 64 << 20;
constexpr size_t kTemplatesMax = 1024;
constexpr size_t kCountersOfAStamp = 65536;

/// splitmix64 (Steele et al. 2014): keys only have to be spread.
uint64_t next_random(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

FrameTemplates::FrameTemplates(const LoadOptions& options)
    : map_(options.map), batch_(options.batch) {
  const size_t count = std::min(kTemplatesMax, kCountersOfAStamp / options.batch);
  Bytes value;
  ValueWriter(value).text(std::string(options.value_bytes, 'v'));
  uint64_t random = 1;
  for (size_t i = 0; i < count; ++i) {
    // Built as a whole batch with all bases zero; the operations after its head are kept.
    OperationBatchBuilder builder;
    builder.begin({MapKind::Lww, ReplicaId{1}, 0, 0, as_bytes(map_)});
    for (uint32_t j = 0; j < options.batch; ++j) {
      const std::string key = "key:" + std::to_string(next_random(random) % options.keys);
      builder.add({.kind = OperationKind::LwwSet,
                   .sequence = j,
                   .time = i * options.batch + j,
                   .ttl_ms = 0,
                   .key = as_bytes(key),
                   .payload = value});
    }
    const size_t body = builder.size();
    const Bytes whole = builder.finish();
    bodies_.emplace_back(whole.end() - static_cast<ptrdiff_t>(body), whole.end());
  }
}

FrameTemplates::Message FrameTemplates::message(size_t index, uint64_t replica,
                                                uint64_t first_sequence, uint64_t time_ms) const {
  const Bytes& body = bodies_[index % bodies_.size()];
  Bytes batch_head;
  ByteWriter writer(batch_head);
  writer.u8(1);
  writer.u8(static_cast<uint8_t>(MapKind::Lww));
  writer.u64(replica);
  writer.varint(first_sequence);
  writer.varint(time_ms);
  writer.blob(as_bytes(map_));
  writer.varint(batch_);

  Message message;
  ByteWriter head(message.head);
  head.varint(1 + batch_head.size() + body.size());
  head.u8(static_cast<uint8_t>(MessageKind::Operations));
  head.raw(batch_head);
  message.body = body;
  return message;
}

LoadConnection::LoadConnection(const LoadOptions& options, const FrameTemplates& templates,
                               uint64_t replica)
    : options_(options),
      templates_(templates),
      replica_(replica),
      next_template_(replica % templates.count()) {}

LoadConnection::~LoadConnection() {
  if (fd_ >= 0) close(fd_);
}

std::string LoadConnection::open() {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options_.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    return std::string("cannot connect: ") + std::strerror(errno);
  }
  const int one = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  if (options_.http) {
    MessageWriter to(opening_);
    to.hello(
        {.replica = ReplicaId{replica_}, .instance = replica_, .ack_level_min = options_.level});
    to.exchange({});
  } else {
    const std::string problem = upgrade();
    if (!problem.empty()) return problem;
  }
  fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK);
  return {};
}

std::string LoadConnection::upgrade() {
  constexpr std::string_view kUpgrade =
      "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
  output_ = to_bytes(as_bytes(kUpgrade));
  write();
  std::string answer;
  while (answer.find("\r\n\r\n") == std::string::npos) {
    char byte;
    if (recv(fd_, &byte, 1, 0) != 1) return "the server closed during the upgrade";
    answer += byte;
  }
  if (!answer.starts_with("HTTP/1.1 101")) return "no upgrade: " + answer;

  Bytes hello;
  MessageWriter(hello).hello({.replica = ReplicaId{replica_},
                              .instance = replica_,
                              .token = as_bytes(options_.token),
                              .ack_level_min = options_.level});
  host::append_client_frame(output_, host::WebSocketOpcode::Binary, hello, 0);
  write();
  LoadTotals ignored;
  while (!welcomed_ && !failed_) read(0, ignored);
  if (!welcomed_) return "no Welcome";
  return {};
}

void LoadConnection::fill(uint64_t wall_ms, uint64_t now_us) {
  while (sent_.size() < options_.inflight && output_.size() - output_sent_ < (1u << 20)) {
    const size_t index = next_template_++ % templates_.count();
    // Templates hold ascending counters: time must move on when they start again.
    uint64_t time_ms = std::max(wall_ms, last_time_ms_);
    if (index == 0 && time_ms == last_time_ms_) ++time_ms;
    last_time_ms_ = time_ms;
    send_message(templates_.message(index, replica_, next_sequence_, time_ms));
    next_sequence_ += options_.batch;
    sent_.push_back({next_sequence_ - 1, now_us});
  }
  write();
}

void LoadConnection::send_message(const FrameTemplates::Message& message) {
  const auto append = [this](ByteView bytes) {
    output_.insert(output_.end(), bytes.begin(), bytes.end());
  };
  if (options_.http) {
    append_request_head(output_, options_.token, opening_.size() + message.size());
    append(opening_);
  } else {
    uint8_t header[host::kWebSocketHeaderBytesMax];
    const size_t size =
        host::write_websocket_header(header, host::WebSocketOpcode::Binary, message.size());
    header[1] |= 0x80;
    // A mask of zero is as good as any to the server, which applies it like any other.
    std::memset(header + size, 0, 4);
    append({header, size + 4});
  }
  append(message.head);
  append(message.body);
}

void LoadConnection::write() {
  while (output_sent_ < output_.size()) {
    const ssize_t sent =
        send(fd_, output_.data() + output_sent_, output_.size() - output_sent_, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN && errno != EINTR) failed_ = true;
      return;
    }
    output_sent_ += static_cast<size_t>(sent);
  }
  output_.clear();
  output_sent_ = 0;
}

void LoadConnection::read(uint64_t now_us, LoadTotals& totals) {
  uint8_t scratch[65536];
  const ssize_t got = recv(fd_, scratch, sizeof(scratch), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    failed_ = true;
    return;
  }
  const std::span<uint8_t> bytes(scratch, static_cast<size_t>(got));
  return options_.http ? take_answers(bytes, now_us, totals)
                       : take_websocket(bytes, now_us, totals);
}

void LoadConnection::take_answers(ByteView bytes, uint64_t now_us, LoadTotals& totals) {
  answers_.feed(bytes);
  while (const auto frame = answers_.next()) take_frame(*frame, now_us, totals);
  failed_ = failed_ || answers_.failed();
}

void LoadConnection::take_websocket(std::span<uint8_t> bytes, uint64_t now_us, LoadTotals& totals) {
  if (!input_.empty()) {
    input_.insert(input_.end(), bytes.begin(), bytes.end());
    bytes = input_;
  }
  size_t consumed = 0;
  while (!failed_) {
    const auto item = decoder_.next(bytes.subspan(consumed), kFrameBytesMax);
    if (item.kind == host::WebSocketDecoder::Kind::NeedMore) break;
    consumed += item.consumed;
    if (item.kind == host::WebSocketDecoder::Kind::Message) {
      take_frame(item.payload, now_us, totals);
    } else if (item.kind == host::WebSocketDecoder::Kind::Close ||
               item.kind == host::WebSocketDecoder::Kind::Violation) {
      failed_ = true;
    }
  }
  const auto rest = bytes.subspan(consumed);
  input_ = Bytes(rest.begin(), rest.end());
}

void LoadConnection::take_frame(ByteView frame, uint64_t now_us, LoadTotals& totals) {
  FrameReader reader(frame);
  while (const auto message = reader.next()) {
    switch (static_cast<MessageKind>(message->kind)) {
      case MessageKind::Welcome:
        welcomed_ = true;
        break;
      case MessageKind::Ping: {
        Bytes pong;
        MessageWriter(pong).pong(decode_nonce(message->payload).value());
        host::append_client_frame(output_, host::WebSocketOpcode::Binary, pong, 0);
        break;
      }
      case MessageKind::Reject: {
        const auto reject = decode_reject(message->payload);
        if (reject.ok()) totals.operations_rejected += reject->count;
        break;
      }
      case MessageKind::Error:
        ++totals.errors;
        break;
      case MessageKind::Ack: {
        const auto ack = decode_ack(message->payload);
        if (!ack.ok() || ack->level < options_.level || ack->sequence <= acked_) break;
        totals.operations_acked += ack->sequence - acked_;
        acked_ = ack->sequence;
        while (!sent_.empty() && sent_.front().last_sequence <= acked_) {
          totals.latency.record(now_us - sent_.front().at_us);
          sent_.pop_front();
        }
        break;
      }
      default:
        break;
    }
  }
}

}  // namespace topgun::bench
