#include "core/sim/later_version.hpp"

#include "core/base/byte_io.hpp"
#include "core/base/mix.hpp"
#include "core/sync/messages.hpp"

namespace topgun::sim {
namespace {

constexpr size_t kHelloVersionMaxAt = 5;
constexpr uint8_t kUnknownFlag = 0x40;
// Kinds that no version has used, of clients and of nodes.
constexpr uint8_t kFirstOfClients = 15;
constexpr uint8_t kCountOfClients = 50;
constexpr uint8_t kFirstOfNodes = 77;
constexpr uint8_t kCountOfNodes = 170;

/// Whether the payload ends with a field that takes all there is.
bool is_open_ended(MessageKind kind) {
  switch (kind) {
    case MessageKind::Operations:
    case MessageKind::Records:
    case MessageKind::Changes:
    case MessageKind::Answer:
    case MessageKind::Steps:
      return true;
    default:
      return false;
  }
}

void put_some_bytes(ByteWriter& out, uint64_t bits) {
  for (uint64_t left = 1 + bits % 8; left > 0; --left) out.u8(static_cast<uint8_t>(bits >> left));
}

void put_unknown(ByteWriter& out, uint64_t bits, bool from_node) {
  const uint8_t first = from_node ? kFirstOfNodes : kFirstOfClients;
  const uint8_t count = from_node ? kCountOfNodes : kCountOfClients;
  Bytes message = {static_cast<uint8_t>(first + bits % count)};
  ByteWriter payload(message);
  put_some_bytes(payload, bits >> 8);
  out.blob(message);
}

Bytes grown(const MessageView& message, uint64_t bits) {
  const auto kind = static_cast<MessageKind>(message.kind);
  Bytes bytes = {message.kind};
  ByteWriter out(bytes);
  out.raw(message.payload);
  if (kind == MessageKind::Hello) {
    bytes[1 + kHelloVersionMaxAt] = static_cast<uint8_t>(kProtocolVersion + 1 + bits % 3);
    const Result<HelloMessage> hello = decode_hello(message.payload);
    const bool leaves_out = hello.ok() && hello->ack_level_min == AckLevel::Memory;
    if (leaves_out) out.u8(static_cast<uint8_t>(AckLevel::Memory));
  }
  if (kind == MessageKind::Exchange) bytes.back() |= kUnknownFlag;
  put_some_bytes(out, bits >> 16);
  return bytes;
}

}  // namespace

Bytes spoken_later(ByteView frame, uint64_t bits, bool from_node) {
  Bytes spoken;
  ByteWriter out(spoken);
  FrameReader reader(frame);
  uint64_t count = 0;
  while (const std::optional<MessageView> message = reader.next()) {
    const uint64_t fate = absorb64(bits, count++);
    const bool is_grown = fate % 2 == 0 && !is_open_ended(static_cast<MessageKind>(message->kind));
    if (is_grown) {
      out.blob(grown(*message, fate >> 8));
    } else {
      out.varint(message->payload.size() + 1);
      out.u8(message->kind);
      out.raw(message->payload);
    }
    // Nothing comes before Hello.
    if (fate >> 62 == 0) put_unknown(out, fate >> 16, from_node);
  }
  return spoken;
}

}  // namespace topgun::sim
