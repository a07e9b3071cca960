#pragma once

#include <span>

#include "core/base/bytes.hpp"

namespace topgun::host {

/// The frame format of RFC 6455, without I/O: bytes in, messages out. Why it is ours and not a
/// library's is measured in docs/decisions/0010-websocket-codec.md.

enum class WebSocketOpcode : uint8_t {
  Continuation = 0,
  Text = 1,
  Binary = 2,
  Close = 8,
  Ping = 9,
  Pong = 10,
};

/// Close codes of RFC 6455 §7.4.1 that we send.
enum class WebSocketClose : uint16_t {
  Normal = 1000,
  GoingAway = 1001,
  ProtocolError = 1002,
  UnsupportedData = 1003,
  NoStatus = 1005,  ///< Never sent: the peer's close frame named no code.
  PolicyViolation = 1008,
  MessageTooBig = 1009,
  InternalError = 1011,
  TryAgainLater = 1013,
};

/// Cuts a stream of bytes into messages. Holds nothing but the fragments of a message that is under
/// way; the caller keeps bytes that do not make a whole frame yet. 40 bytes when idle.
class WebSocketDecoder {
 public:
  /// Whose frames are read: those of clients must be masked, those of servers must not.
  enum class Reads : uint8_t { ClientFrames, ServerFrames };

  enum class Kind : uint8_t {
    NeedMore,   ///< The input does not hold a whole frame; call again with more.
    Consumed,   ///< A frame was taken that says nothing yet: a fragment, or a Pong.
    Message,    ///< A whole binary message.
    Ping,       ///< Answer with a Pong of the same payload.
    Close,      ///< The peer closes; `close` is its code.
    Violation,  ///< The peer broke the rules; close with `close`. Later calls answer the same.
  };

  struct Item {
    Kind kind = Kind::NeedMore;
    WebSocketClose close = WebSocketClose::NoStatus;
    /// Bytes of the input that are done with.
    size_t consumed = 0;
    /// Borrowed from the input or from the decoder until the next call.
    ByteView payload;
  };

  explicit WebSocketDecoder(Reads reads) : reads_(reads) {}

  /// Takes one frame off the front of `input`, unmasking it in place. A message longer than
  /// `message_bytes_max` is a violation as soon as a header announces it. Text is refused with
  /// `UnsupportedData`. O(frame).
  Item next(std::span<uint8_t> input, size_t message_bytes_max);

  /// Bytes that the frame at the front of `input` takes in all, or 0 if its header is not there
  /// yet: lets the caller make room once.
  static size_t frame_size(ByteView input);

 private:
  Item violation(WebSocketClose close);
  Item data_frame(bool final, WebSocketOpcode opcode, Item item, size_t message_bytes_max);

  Bytes fragments_;
  Reads reads_;
  bool in_message_ = false;
  bool release_fragments_ = false;
  bool broken_ = false;
  WebSocketClose broken_with_ = WebSocketClose::ProtocolError;
};

/// Longest header of a frame that we write: two bytes, eight of length, four of mask.
inline constexpr size_t kWebSocketHeaderBytesMax = 14;

/// Writes the header of an unmasked final frame to `out`; returns its size.
size_t write_websocket_header(std::span<uint8_t, kWebSocketHeaderBytesMax> out,
                              WebSocketOpcode opcode, uint64_t payload_size);

/// Appends a whole masked frame, as clients send it. Tests and the load generator speak through it.
void append_client_frame(Bytes& out, WebSocketOpcode opcode, ByteView payload, uint32_t mask);

/// The payload of a close frame.
Bytes websocket_close_payload(WebSocketClose code, std::string_view reason);

/// The `Sec-WebSocket-Accept` that answers `key` (RFC 6455 §4.2.2).
std::string websocket_accept(std::string_view key);

}  // namespace topgun::host
