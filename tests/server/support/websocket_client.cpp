#include "tests/server/support/websocket_client.hpp"

#include <algorithm>
#include <cstring>

namespace topgun::test {

struct WebSocketClient::Callbacks {
  static ssize_t receive(wslay_event_context_ptr context, uint8_t* out, size_t size, int,
                         void* self) {
    auto& client = *static_cast<WebSocketClient*>(self);
    if (client.unread_.empty()) {
      wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
      return -1;
    }
    size = std::min(size, client.unread_.size());
    std::memcpy(out, client.unread_.data(), size);
    client.unread_.erase(client.unread_.begin(),
                         client.unread_.begin() + static_cast<ptrdiff_t>(size));
    return static_cast<ssize_t>(size);
  }

  static ssize_t send(wslay_event_context_ptr context, const uint8_t* data, size_t size, int,
                      void* self) {
    auto& client = *static_cast<WebSocketClient*>(self);
    if (client.socket_.send(ByteView(data, size))) return static_cast<ssize_t>(size);
    wslay_event_set_error(context, WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
  }

  static int mask(wslay_event_context_ptr, uint8_t* out, size_t size, void*) {
    for (size_t i = 0; i < size; ++i) out[i] = static_cast<uint8_t>(0x5a + 31 * i);
    return 0;
  }

  static void message(wslay_event_context_ptr, const wslay_event_on_msg_recv_arg* argument,
                      void* self) {
    auto& client = *static_cast<WebSocketClient*>(self);
    const Bytes bytes(argument->msg, argument->msg + argument->msg_length);
    if (argument->opcode == WSLAY_BINARY_FRAME) client.messages_.push_back(bytes);
    if (argument->opcode == WSLAY_PONG) client.pongs_.push_back(bytes);
  }
};

WebSocketClient::WebSocketClient(uint16_t port, std::string_view extra_headers) : socket_(port) {
  if (!socket_.connected()) return;
  socket_.send(
      "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
      "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
      std::string(extra_headers) + "\r\n");
  std::string text;
  size_t end = std::string::npos;
  while (end == std::string::npos) {
    const auto bytes = socket_.receive();
    if (!bytes || bytes->empty()) break;
    text += as_text(*bytes);
    end = text.find("\r\n\r\n");
  }
  handshake_ = text.substr(0, end);
  const bool accepted = handshake_.starts_with("HTTP/1.1 101") &&
                        // The example of RFC 6455 §1.3.
                        handshake_.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") != std::string::npos;
  if (!accepted) return;
  unread_ = to_bytes(as_bytes(text).subspan(end + 4));
  wslay_event_callbacks callbacks{};
  callbacks.recv_callback = Callbacks::receive;
  callbacks.send_callback = Callbacks::send;
  callbacks.genmask_callback = Callbacks::mask;
  callbacks.on_msg_recv_callback = Callbacks::message;
  wslay_event_context_client_init(&context_, &callbacks, this);
}

WebSocketClient::~WebSocketClient() {
  if (context_ != nullptr) wslay_event_context_free(context_);
}

bool WebSocketClient::queue(uint8_t opcode, ByteView payload) {
  const wslay_event_msg message{opcode, payload.data(), payload.size()};
  return wslay_event_queue_msg(context_, &message) == 0 && wslay_event_send(context_) == 0;
}

bool WebSocketClient::send(ByteView message) { return queue(WSLAY_BINARY_FRAME, message); }
bool WebSocketClient::ping(ByteView payload) { return queue(WSLAY_PING, payload); }
bool WebSocketClient::close(uint16_t code) {
  return wslay_event_queue_close(context_, code, nullptr, 0) == 0 &&
         wslay_event_send(context_) == 0;
}

/// Reads once and lets wslay take what came; false when nothing more will come in time.
bool WebSocketClient::step(int timeout_ms) {
  if (ended_) return false;
  if (unread_.empty()) {
    const auto bytes = socket_.receive(timeout_ms);
    if (!bytes) return false;
    if (bytes->empty()) {
      ended_ = true;
      return false;
    }
    unread_ = *bytes;
  }
  if (wslay_event_recv(context_) != 0) ended_ = true;
  wslay_event_send(context_);
  return true;
}

std::optional<Bytes> WebSocketClient::receive(int timeout_ms) {
  while (messages_.empty()) {
    if (!step(timeout_ms)) return std::nullopt;
  }
  Bytes message = std::move(messages_.front());
  messages_.pop_front();
  return message;
}

std::optional<Bytes> WebSocketClient::receive_pong(int timeout_ms) {
  while (pongs_.empty()) {
    if (!step(timeout_ms)) return std::nullopt;
  }
  Bytes payload = std::move(pongs_.front());
  pongs_.pop_front();
  return payload;
}

std::optional<uint16_t> WebSocketClient::receive_close(int timeout_ms) {
  while (!wslay_event_get_close_received(context_)) {
    if (!step(timeout_ms)) return std::nullopt;
  }
  return wslay_event_get_status_code_received(context_);
}

}  // namespace topgun::test
