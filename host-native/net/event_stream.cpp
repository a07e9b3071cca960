#include "host-native/net/event_stream.hpp"

#include <charconv>

namespace topgun::host {

namespace {

void append(Bytes& out, std::string_view text) { out.insert(out.end(), text.begin(), text.end()); }

void begin_event(Bytes& out, std::string_view name, size_t data_size) {
  constexpr size_t kFieldsBytes = 24;
  out.reserve(data_size + name.size() + kFieldsBytes);
  if (!name.empty()) {
    append(out, "event: ");
    append(out, name);
    append(out, "\n");
  }
  append(out, "data: ");
}

void append_base64(Bytes& out, ByteView bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t at = out.size();
  out.resize(at + (bytes.size() + 2) / 3 * 4, '=');
  const auto put = [&](uint32_t group, int digits) {
    for (int i = 0; i < digits; ++i) {
      out[at + static_cast<size_t>(i)] =
          static_cast<uint8_t>(kAlphabet[(group >> (18 - 6 * i)) & 63]);
    }
    at += 4;
  };
  while (bytes.size() >= 3) {
    put((uint32_t{bytes[0]} << 16) | (uint32_t{bytes[1]} << 8) | bytes[2], 4);
    bytes = bytes.subspan(3);
  }
  if (bytes.size() == 1) put(uint32_t{bytes[0]} << 16, 2);
  if (bytes.size() == 2) put((uint32_t{bytes[0]} << 16) | (uint32_t{bytes[1]} << 8), 3);
}

}  // namespace

Bytes binary_event(std::string_view name, ByteView bytes) {
  Bytes out;
  begin_event(out, name, bytes.size() * 4 / 3 + 4);
  append_base64(out, bytes);
  append(out, "\n\n");
  return out;
}

Bytes text_event(std::string_view name, std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  Bytes out;
  begin_event(out, name, text.size());
  for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    append(out, text.substr(0, end + 1));
    append(out, "data: ");
    text.remove_prefix(end + 1);
  }
  append(out, text);
  append(out, "\n\n");
  return out;
}

Bytes heartbeat_event() { return to_bytes(as_bytes(": alive\n\n")); }

Bytes as_chunk(ByteView event) {
  char size[16];
  const char* end = std::to_chars(size, size + sizeof(size), event.size(), 16).ptr;
  Bytes out;
  out.reserve(event.size() + sizeof(size) + 4);
  append(out, {size, static_cast<size_t>(end - size)});
  append(out, "\r\n");
  out.insert(out.end(), event.begin(), event.end());
  append(out, "\r\n");
  return out;
}

}  // namespace topgun::host
