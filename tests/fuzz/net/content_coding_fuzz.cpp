// Whatever a peer sends as packed: it is refused, or unpacks to something within the limit that
// comes back when it is packed again.

#include "core/base/assert.hpp"
#include "host-native/net/content_coding.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace topgun;
  using namespace topgun::host;
  constexpr size_t kBytesMax = 64 * 1024;
  if (size == 0) return 0;
  const ContentCoding coding = data[0] % 2 == 0 ? ContentCoding::Gzip : ContentCoding::Brotli;
  const Result<Bytes> unpacked = unpack(coding, ByteView(data, size).subspan(1), kBytesMax);
  if (!unpacked.ok()) return 0;
  TG_ASSERT(unpacked->size() <= kBytesMax);
  const Result<Bytes> again = unpack(coding, pack(coding, *unpacked), kBytesMax);
  TG_ASSERT(again.ok() && *again == *unpacked);
  const std::string_view header = as_text(*unpacked);
  (void)coding_from(header);
  (void)accepted_coding(header);
  return 0;
}
