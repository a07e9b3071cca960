#include "host-native/net/websocket_codec.hpp"

#include <openssl/evp.h>

#include <cstring>

namespace topgun::host {

namespace {

constexpr uint8_t kFinal = 0x80;
constexpr uint8_t kReserved = 0x70;
constexpr uint8_t kMasked = 0x80;
constexpr uint64_t kControlPayloadMax = 125;

struct Header {
  bool complete = false;
  bool final = false;
  bool masked = false;
  bool reserved_bits = false;
  uint8_t opcode = 0;
  uint8_t size = 0;
  uint64_t payload_size = 0;
  uint8_t mask[4] = {0, 0, 0, 0};
};

uint64_t big_endian(const uint8_t* at, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) value = (value << 8) | at[i];
  return value;
}

Header parse_header(ByteView input) {
  Header header;
  if (input.size() < 2) return header;
  header.final = (input[0] & kFinal) != 0;
  header.reserved_bits = (input[0] & kReserved) != 0;
  header.opcode = input[0] & 0x0f;
  header.masked = (input[1] & kMasked) != 0;
  const uint8_t short_size = input[1] & 0x7f;
  const size_t length_bytes = short_size == 127 ? 8 : short_size == 126 ? 2 : 0;
  header.size = static_cast<uint8_t>(2 + length_bytes + (header.masked ? 4 : 0));
  if (input.size() < header.size) return header;
  header.payload_size = length_bytes == 0 ? short_size : big_endian(&input[2], length_bytes);
  if (header.masked) std::memcpy(header.mask, &input[header.size - 4u], 4);
  header.complete = true;
  return header;
}

/// Eight bytes a step; the compiler widens it further.
void apply_mask(std::span<uint8_t> payload, const uint8_t (&mask)[4]) {
  uint64_t wide_mask = 0;
  std::memcpy(&wide_mask, mask, 4);
  std::memcpy(reinterpret_cast<uint8_t*>(&wide_mask) + 4, mask, 4);
  size_t i = 0;
  for (; i + 8 <= payload.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, &payload[i], 8);
    word ^= wide_mask;
    std::memcpy(&payload[i], &word, 8);
  }
  for (; i < payload.size(); ++i) payload[i] ^= mask[i & 3];
}

/// RFC 6455 §7.4: codes that may appear in a close frame.
bool close_code_allowed(uint64_t code) {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

}  // namespace

size_t WebSocketDecoder::frame_size(ByteView input) {
  const Header header = parse_header(input);
  return header.complete ? header.size + static_cast<size_t>(header.payload_size) : 0;
}

WebSocketDecoder::Item WebSocketDecoder::violation(WebSocketClose close) {
  broken_ = true;
  broken_with_ = close;
  fragments_ = Bytes();
  return {.kind = Kind::Violation, .close = close, .consumed = 0, .payload = {}};
}

WebSocketDecoder::Item WebSocketDecoder::data_frame(bool final, WebSocketOpcode opcode, Item item,
                                                    size_t message_bytes_max) {
  const bool continues = opcode == WebSocketOpcode::Continuation;
  if (continues != in_message_) return violation(WebSocketClose::ProtocolError);
  if (final && !continues) {
    item.kind = Kind::Message;
    return item;
  }
  if (fragments_.size() + item.payload.size() > message_bytes_max) {
    return violation(WebSocketClose::MessageTooBig);
  }
  fragments_.insert(fragments_.end(), item.payload.begin(), item.payload.end());
  in_message_ = !final;
  item.kind = Kind::Consumed;
  item.payload = {};
  if (final) {
    item.kind = Kind::Message;
    item.payload = fragments_;
    release_fragments_ = true;
  }
  return item;
}

WebSocketDecoder::Item WebSocketDecoder::next(std::span<uint8_t> input, size_t message_bytes_max) {
  if (broken_) return violation(broken_with_);
  if (release_fragments_) {
    fragments_ = Bytes();
    release_fragments_ = false;
  }

  const Header header = parse_header(input);
  if (input.size() >= 2) {
    // What two bytes can tell is refused at once, not after the peer sent what it announced.
    const bool must_be_masked = reads_ == Reads::ClientFrames;
    if (header.reserved_bits || header.masked != must_be_masked) {
      return violation(WebSocketClose::ProtocolError);
    }
    if (header.opcode == static_cast<uint8_t>(WebSocketOpcode::Text)) {
      return violation(WebSocketClose::UnsupportedData);
    }
  }
  if (!header.complete) return {};

  Item item;
  const auto opcode = static_cast<WebSocketOpcode>(header.opcode);
  const bool control = opcode == WebSocketOpcode::Close || opcode == WebSocketOpcode::Ping ||
                       opcode == WebSocketOpcode::Pong;
  const bool data = opcode == WebSocketOpcode::Continuation || opcode == WebSocketOpcode::Binary;
  if (!control && !data) return violation(WebSocketClose::ProtocolError);
  if (control && (!header.final || header.payload_size > kControlPayloadMax)) {
    return violation(WebSocketClose::ProtocolError);
  }
  if (header.payload_size > message_bytes_max) return violation(WebSocketClose::MessageTooBig);
  if (input.size() - header.size < header.payload_size) return {};

  const auto payload = input.subspan(header.size, static_cast<size_t>(header.payload_size));
  if (header.masked) apply_mask(payload, header.mask);
  item.consumed = header.size + payload.size();
  item.payload = payload;

  switch (opcode) {
    case WebSocketOpcode::Continuation:
    case WebSocketOpcode::Binary:
      return data_frame(header.final, opcode, item, message_bytes_max);
    case WebSocketOpcode::Ping:
      item.kind = Kind::Ping;
      return item;
    case WebSocketOpcode::Pong:
      item.kind = Kind::Consumed;
      return item;
    case WebSocketOpcode::Close: {
      item.kind = Kind::Close;
      if (payload.empty()) return item;
      if (payload.size() == 1) return violation(WebSocketClose::ProtocolError);
      const uint64_t code = big_endian(payload.data(), 2);
      if (!close_code_allowed(code)) return violation(WebSocketClose::ProtocolError);
      item.close = static_cast<WebSocketClose>(code);
      return item;
    }
    case WebSocketOpcode::Text:
      break;
  }
  return violation(WebSocketClose::UnsupportedData);
}

size_t write_websocket_header(std::span<uint8_t, kWebSocketHeaderBytesMax> out,
                              WebSocketOpcode opcode, uint64_t payload_size) {
  out[0] = static_cast<uint8_t>(kFinal | static_cast<uint8_t>(opcode));
  if (payload_size < 126) {
    out[1] = static_cast<uint8_t>(payload_size);
    return 2;
  }
  const size_t length_bytes = payload_size <= 0xffff ? 2 : 8;
  out[1] = length_bytes == 2 ? 126 : 127;
  for (size_t i = 0; i < length_bytes; ++i) {
    out[2 + i] = static_cast<uint8_t>(payload_size >> (8 * (length_bytes - 1 - i)));
  }
  return 2 + length_bytes;
}

void append_client_frame(Bytes& out, WebSocketOpcode opcode, ByteView payload, uint32_t mask) {
  uint8_t header[kWebSocketHeaderBytesMax];
  size_t size = write_websocket_header(header, opcode, payload.size());
  header[1] |= kMasked;
  uint8_t mask_bytes[4];
  std::memcpy(mask_bytes, &mask, 4);
  std::memcpy(header + size, mask_bytes, 4);
  size += 4;
  out.insert(out.end(), header, header + size);
  const size_t start = out.size();
  out.insert(out.end(), payload.begin(), payload.end());
  apply_mask(std::span(out).subspan(start), mask_bytes);
}

Bytes websocket_close_payload(WebSocketClose code, std::string_view reason) {
  const auto number = static_cast<uint16_t>(code);
  Bytes payload = {static_cast<uint8_t>(number >> 8), static_cast<uint8_t>(number)};
  const ByteView text = as_bytes(reason.substr(0, kControlPayloadMax - 2));
  payload.insert(payload.end(), text.begin(), text.end());
  return payload;
}

std::string websocket_accept(std::string_view key) {
  const std::string input = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned int digest_size = 0;
  if (EVP_Digest(input.data(), input.size(), digest, &digest_size, EVP_sha1(), nullptr) != 1) {
    return {};
  }
  std::string accept(4 * ((digest_size + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<uint8_t*>(accept.data()), digest,
                                   static_cast<int>(digest_size));
  accept.resize(static_cast<size_t>(size));
  return accept;
}

}  // namespace topgun::host
