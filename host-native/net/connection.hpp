#pragma once

#include <deque>
#include <memory>

#include "core/node/effects.hpp"
#include "host-native/net/http.hpp"
#include "host-native/net/http_sync.hpp"
#include "host-native/net/output_queue.hpp"
#include "host-native/net/request_times.hpp"
#include "host-native/net/tls.hpp"
#include "host-native/net/websocket_codec.hpp"

namespace topgun::host {

/// A request to `/sync` that the shard is answering.
struct PendingExchange {
  SyncExchange http;
  /// What the shard has said so far; of a stream, what is not an event yet.
  std::vector<node::SharedBytes> frames;

  /// Frames of a stream that wait for the socket, and where each ends among its bytes.
  struct Unsent {
    uint64_t end = 0;
    uint64_t frame_bytes = 0;
  };
  std::deque<Unsent> unsent;
  uint64_t stream_bytes = 0;  ///< Handed to the output so far, the head included; 0 before it.
};

/// One accepted socket. Buffers exist only while bytes are pending, so that an idle connection
/// costs little more than this struct. Owned and driven by one `ShardLoop`.
struct Connection {
  enum class Phase : uint8_t {
    Http,       ///< Requests and answers; the upgrade comes from here.
    WebSocket,  ///< Frames go to the shard.
    Closing,    ///< The last bytes are on their way; what still comes in is thrown away.
    Dead,       ///< The socket is closed; freed at the end of the turn.
  };

  Connection(int socket, node::ConnectionId name)
      : id(name), fd(socket), decoder(WebSocketDecoder::Reads::ClientFrames) {}
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  node::ConnectionId id;
  int fd = -1;
  uint32_t interest = 0;  ///< What epoll watches this socket for.
  Phase phase = Phase::Http;
  bool loopback = false;
  bool in_session = false;       ///< The shard knows this connection.
  bool dirty = false;            ///< Has output for the end of this turn.
  bool shut_down = false;        ///< Our side is closed for writing.
  bool awaiting_answer = false;  ///< A request is being answered elsewhere.
  bool input_paused = false;     ///< More has come while it awaits an answer.
  bool half_closed = false;      ///< The peer ended its side while it awaits an answer.
  uint64_t deadline_ms = 0;      ///< Monotonic; 0 = none.
  /// When the loop looks at the deadline next; 0 = it does not. At most one look is planned,
  /// however often the deadline moves.
  uint64_t deadline_check_ms = 0;

  // Of the request under way, for the figures and, where it is logged, the log.
  RequestKind request_kind = RequestKind::Other;
  uint64_t request_began_us = 0;  ///< Monotonic.
  std::unique_ptr<std::string>
      request_line;  ///< Method and path; nothing unless requests are logged.

  WebSocketDecoder decoder;
  Bytes input;                                ///< Received, but not a whole frame or request yet.
  std::unique_ptr<HttpRequestParser> http;    ///< While a request comes in.
  std::unique_ptr<PendingExchange> exchange;  ///< While it is answered by the shard.
  std::unique_ptr<TlsSession> tls;
  std::unique_ptr<OutputQueue> output;

  enum class Received : uint8_t { Bytes, Nothing, EndOfStream, Broken };

  /// One read into `scratch`; `size` gets the number of bytes.
  Received receive(std::span<uint8_t> scratch, size_t& size);

  enum class Flushed : uint8_t { All, Pending, Broken };

  /// Sends as much as the socket takes.
  Flushed flush(OutputQueue::Batch& batch, uint64_t& bytes_sent);

 private:
  Flushed flush_plain(OutputQueue::Batch& batch, uint64_t& bytes_sent);
  Flushed flush_tls(OutputQueue::Batch& batch, uint64_t& bytes_sent);
};

}  // namespace topgun::host
