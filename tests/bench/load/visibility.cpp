#include "tests/bench/load/visibility.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <random>

#include "core/replica/record_table.hpp"
#include "core/sync/batch.hpp"
#include "core/value/value_writer.hpp"
#include "host-native/auth/base64url.hpp"
#include "host-native/net/websocket_codec.hpp"
#include "tests/bench/load/http_transport.hpp"
#include "tests/bench/load/latency_histogram.hpp"

namespace topgun::bench {

namespace {

constexpr size_t kFrameBytesMax = 64 << 20;
constexpr uint64_t kWaitMs = 20'000;
constexpr useconds_t kPauseUs = 2000;

uint64_t clock_us(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000 +
         static_cast<uint64_t>(time.tv_nsec) / 1000;
}

/// A blocking connection to 127.0.0.1. After a failure nothing more is sent or received.
class Socket {
 public:
  explicit Socket(uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    failed_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0;
    const int one = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    const timeval patience{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  }
  ~Socket() { close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void send(ByteView bytes) {
    while (!failed_ && !bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      failed_ = sent <= 0;
      if (!failed_) bytes = bytes.subspan(static_cast<size_t>(sent));
    }
  }

  /// Waits for more bytes; none after a failure.
  Bytes receive() {
    Bytes bytes(65536);
    const ssize_t got = failed_ ? 0 : recv(fd_, bytes.data(), bytes.size(), 0);
    failed_ = got <= 0;
    bytes.resize(failed_ ? 0 : static_cast<size_t>(got));
    return bytes;
  }

  bool failed() const { return failed_; }
  void fail() { failed_ = true; }

 private:
  int fd_;
  bool failed_ = false;
};

/// What a subscriber learns from frames: that it is in step, that something changed, what the map
/// holds and where it stands.
struct Standing {
  uint64_t synced = 0;
  uint64_t changes = 0;
  uint64_t incarnation = 0;
  std::vector<uint64_t> versions;
  Slab slab;
  RecordTable table{MapKind::Lww, slab};

  void take(ByteView frame) {
    FrameReader reader(frame);
    while (const auto message = reader.next()) {
      if (message->kind == static_cast<uint8_t>(MessageKind::Synced)) {
        take_cursor(decode_synced(message->payload).value().cursor);
      } else if (message->kind == static_cast<uint8_t>(MessageKind::Changes)) {
        const auto change = decode_changes(message->payload).value();
        if (change.shard < versions.size()) versions[change.shard] = change.version;
        merge_operations(change.batch);
        ++changes;
      } else if (message->kind == static_cast<uint8_t>(MessageKind::Records)) {
        merge_records(decode_records_message(message->payload).value().batch);
        ++changes;
      }
    }
  }

  void merge_operations(ByteView bytes) {
    OperationBatch batch;
    if (!decode_operations(bytes, Values::Trust, batch).ok()) return;
    for (const Operation& operation : batch.operations) {
      for_each_record(batch.header.replica, operation,
                      [this](const Record& record) { table.merge(record); });
    }
  }

  void merge_records(ByteView bytes) {
    RecordBatch batch;
    if (!decode_records(bytes, Values::Trust, batch).ok()) return;
    for (const Record& record : batch.records) table.merge(record);
  }

  void take_cursor(ByteView cursor) {
    ++synced;
    ByteReader in(cursor);
    incarnation = in.u64();
    versions.resize(static_cast<size_t>(in.varint_max(65536)));
    for (uint64_t& version : versions) version = in.varint();
  }

  Bytes cursor() const {
    Bytes bytes;
    if (versions.empty()) return bytes;
    ByteWriter out(bytes);
    out.u64(incarnation);
    out.varint(versions.size());
    for (const uint64_t version : versions) out.varint(version);
    return bytes;
  }
};

void add_subscribe(Bytes& frame, const LoadOptions& options, const Standing& standing) {
  const Bytes cursor = standing.cursor();
  SubscribeMessage subscribe;
  subscribe.subscription = 1;
  subscribe.map = as_bytes(options.map);
  subscribe.cursor = cursor;
  subscribe.synced_ms = standing.synced == 0 ? 0 : clock_us(CLOCK_REALTIME) / 1000;
  subscribe.root = standing.table.root();
  subscribe.records = standing.table.size();
  MessageWriter(frame).subscribe(subscribe);
}

/// One way to listen.
class Reader {
 public:
  virtual ~Reader() = default;
  /// Gets in step, and ready for the next change.
  virtual void listen() = 0;
  /// Waits until something has changed.
  virtual void wait() = 0;
  virtual bool failed() const = 0;
};

/// A session over a WebSocket; also what writes.
class WebSocketPeer : public Reader {
 public:
  WebSocketPeer(const LoadOptions& options, uint64_t replica)
      : options_(options), replica_(replica), socket_(options.port) {
    socket_.send(
        as_bytes("GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"));
    std::string head;
    while (head.find("\r\n\r\n") == std::string::npos && !socket_.failed()) {
      head += as_text(socket_.receive());
    }
    Bytes hello;
    MessageWriter(hello).hello(
        {.replica = ReplicaId{replica_}, .instance = replica_, .token = as_bytes(options.token)});
    send(hello);
  }

  void listen() override {
    if (standing_.synced > 0) return;
    Bytes frame;
    add_subscribe(frame, options_, standing_);
    send(frame);
    while (standing_.synced == 0 && !socket_.failed()) take();
  }

  void wait() override {
    const uint64_t before = std::exchange(seen_, standing_.changes);
    while (standing_.changes == before && !socket_.failed()) take();
    seen_ = standing_.changes;
  }

  void write() {
    const uint64_t now_ms = clock_us(CLOCK_REALTIME) / 1000;
    Bytes value;
    ValueWriter(value).text(std::string(options_.value_bytes, 'v'));
    OperationBatchBuilder builder;
    builder.begin({MapKind::Lww, ReplicaId{replica_}, ++sequence_, now_ms, as_bytes(options_.map)});
    builder.add({.kind = OperationKind::LwwSet,
                 .sequence = sequence_,
                 .time = (now_ms << 16) | (sequence_ & 0xffff),
                 .ttl_ms = 0,
                 .key = as_bytes("key"),
                 .payload = value});
    Bytes frame;
    MessageWriter(frame).operations(builder.finish());
    send(frame);
  }

  bool failed() const override { return socket_.failed(); }

 private:
  void send(ByteView frame) {
    Bytes wire;
    host::append_client_frame(wire, host::WebSocketOpcode::Binary, frame, 0);
    socket_.send(wire);
  }

  void take() {
    const Bytes bytes = socket_.receive();
    input_.insert(input_.end(), bytes.begin(), bytes.end());
    size_t consumed = 0;
    while (true) {
      const auto item = decoder_.next(std::span(input_).subspan(consumed), kFrameBytesMax);
      consumed += item.consumed;
      if (item.kind == host::WebSocketDecoder::Kind::NeedMore) break;
      if (item.kind == host::WebSocketDecoder::Kind::Message) {
        standing_.take(item.payload);
      } else {
        socket_.fail();
        break;
      }
    }
    input_.erase(input_.begin(), input_.begin() + static_cast<ptrdiff_t>(consumed));
  }

  const LoadOptions& options_;
  uint64_t replica_;
  Socket socket_;
  Standing standing_;
  uint64_t seen_ = 0;
  uint64_t sequence_ = 0;
  Bytes input_;
  host::WebSocketDecoder decoder_{host::WebSocketDecoder::Reads::ServerFrames};
};

/// Requests that are held back until there is news.
class LongPoll : public Reader {
 public:
  LongPoll(const LoadOptions& options, uint64_t replica)
      : options_(options), replica_(replica), socket_(options.port) {}

  void listen() override {
    while (standing_.synced == 0 && !socket_.failed()) {
      ask(0);
      take();
    }
    ask(kWaitMs);
  }

  void wait() override {
    const uint64_t before = standing_.changes;
    take();
    while (standing_.changes == before && !socket_.failed()) {
      ask(kWaitMs);
      take();
    }
  }
  bool failed() const override { return socket_.failed(); }

 private:
  void ask(uint64_t wait_ms) {
    Bytes frame;
    MessageWriter to(frame);
    to.hello({.replica = ReplicaId{replica_}, .instance = replica_});
    to.exchange({.wait_ms = wait_ms, .quiet = true});
    add_subscribe(frame, options_, standing_);
    Bytes request;
    append_request_head(request, options_.token, frame.size());
    request.insert(request.end(), frame.begin(), frame.end());
    socket_.send(request);
  }

  void take() {
    while (!socket_.failed()) {
      if (const auto frame = answers_.next()) return standing_.take(*frame);
      if (answers_.failed()) return socket_.fail();
      answers_.feed(socket_.receive());
    }
  }

  const LoadOptions& options_;
  uint64_t replica_;
  Socket socket_;
  Standing standing_;
  HttpAnswerReader answers_;
};

/// Server-Sent Events.
class EventStream : public Reader {
 public:
  EventStream(const LoadOptions& options, uint64_t replica) : socket_(options.port) {
    Bytes frame;
    MessageWriter to(frame);
    to.hello({.replica = ReplicaId{replica}, .instance = replica});
    to.exchange({});
    add_subscribe(frame, options, standing_);
    std::string head = "GET /sync/events?request=" + host::base64url_encode(frame) +
                       " HTTP/1.1\r\nHost: localhost\r\n";
    if (!options.token.empty()) head += "Authorization: Bearer " + options.token + "\r\n";
    socket_.send(as_bytes(head + "\r\n"));
  }

  void listen() override {
    while (standing_.synced == 0 && !socket_.failed()) take();
  }

  void wait() override {
    const uint64_t before = std::exchange(seen_, standing_.changes);
    while (standing_.changes == before && !socket_.failed()) take();
    seen_ = standing_.changes;
  }

  bool failed() const override { return socket_.failed(); }

 private:
  /// Takes whole events; the chunks around them are lines like any other that is skipped.
  void take() {
    text_ += as_text(socket_.receive());
    size_t end = text_.find("\n\n");
    while (end != std::string::npos) {
      const size_t data = text_.rfind("data: ", end);
      if (data != std::string::npos) take_base64(text_.substr(data + 6, end - data - 6));
      text_.erase(0, end + 2);
      end = text_.find("\n\n");
    }
  }

  void take_base64(std::string text) {
    text.erase(text.find_last_not_of('=') + 1);
    for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
    const auto frame = host::base64url_decode(text);
    if (!frame) return socket_.fail();
    standing_.take(*frame);
  }

  Socket socket_;
  Standing standing_;
  uint64_t seen_ = 0;
  std::string text_;
};

std::unique_ptr<Reader> make_reader(const LoadOptions& options, uint64_t replica) {
  if (options.reader == "long-poll") return std::make_unique<LongPoll>(options, replica);
  if (options.reader == "stream") return std::make_unique<EventStream>(options, replica);
  return std::make_unique<WebSocketPeer>(options, replica);
}

}  // namespace

int run_visibility(const LoadOptions& options) {
  std::random_device device;
  WebSocketPeer writer(options, (uint64_t{device()} << 32) | 1);
  const auto reader = make_reader(options, (uint64_t{device()} << 32) | 2);
  LatencyHistogram latency;
  const uint64_t rounds = options.operations == 0 ? 2000 : options.operations;
  const uint64_t warm_up = rounds / 10;
  for (uint64_t i = 0; i < rounds + warm_up; ++i) {
    reader->listen();
    // The request of a long poll is on its way: what is measured is a change that is waited for.
    usleep(kPauseUs);
    const uint64_t begin_us = clock_us(CLOCK_MONOTONIC);
    writer.write();
    reader->wait();
    if (i >= warm_up) latency.record(clock_us(CLOCK_MONOTONIC) - begin_us);
    if (reader->failed() || writer.failed()) {
      std::fprintf(stderr, "topgun-load: a connection ended, or nothing came for ten seconds\n");
      return 1;
    }
  }
  std::printf(
      "{\"reader\":\"%s\",\"changes\":%llu,\"latency_us\":{\"p50\":%llu,\"p90\":%llu,"
      "\"p99\":%llu,\"max\":%llu}}\n",
      options.reader.c_str(), static_cast<unsigned long long>(rounds),
      static_cast<unsigned long long>(latency.percentile(0.5)),
      static_cast<unsigned long long>(latency.percentile(0.9)),
      static_cast<unsigned long long>(latency.percentile(0.99)),
      static_cast<unsigned long long>(latency.max()));
  return 0;
}

}  // namespace topgun::bench
