// The decoder must give the same messages however the bytes are cut into reads, and keep its
// limits.

#include <algorithm>
#include <vector>

#include "core/base/assert.hpp"
#include "host-native/net/websocket_codec.hpp"

namespace {

using namespace topgun;
using namespace topgun::host;

constexpr size_t kMessageBytesMax = 4096;

struct Transcript {
  std::vector<Bytes> messages;
  WebSocketDecoder::Kind end = WebSocketDecoder::Kind::NeedMore;
  bool operator==(const Transcript&) const = default;
};

Transcript decode(ByteView bytes, size_t read_size) {
  Transcript transcript;
  WebSocketDecoder decoder(WebSocketDecoder::Reads::ClientFrames);
  Bytes pending;
  for (size_t at = 0; at < bytes.size(); at += read_size) {
    const ByteView part = bytes.subspan(at, std::min(read_size, bytes.size() - at));
    pending.insert(pending.end(), part.begin(), part.end());
    while (true) {
      const auto item = decoder.next(pending, kMessageBytesMax);
      TG_ASSERT(item.consumed <= pending.size());
      TG_ASSERT(item.payload.size() <= kMessageBytesMax);
      if (item.kind == WebSocketDecoder::Kind::NeedMore) break;
      if (item.kind == WebSocketDecoder::Kind::Message) {
        transcript.messages.push_back(to_bytes(item.payload));
      }
      if (item.kind == WebSocketDecoder::Kind::Close ||
          item.kind == WebSocketDecoder::Kind::Violation) {
        transcript.end = item.kind;
        return transcript;
      }
      TG_ASSERT(item.consumed > 0);
      pending.erase(pending.begin(), pending.begin() + static_cast<ptrdiff_t>(item.consumed));
    }
  }
  return transcript;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const ByteView input(data, size);
  TG_ASSERT(decode(input, size + 1) == decode(input, 1));
  return 0;
}
