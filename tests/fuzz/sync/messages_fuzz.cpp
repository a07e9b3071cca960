#include <cstdlib>

#include "tests/support/recode.hpp"

/// Whatever the frame: every message in it is refused or understood without harm, and what is
/// understood is written the same way ever after. (The first time it may lose what a later version
/// would have to say.)

namespace {

void expect(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace topgun;
  FrameReader reader(ByteView(data, size));
  while (const std::optional<MessageView> message = reader.next()) {
    expect(message->payload.size() < size);
    const Result<Bytes> again = recode_message(*message);
    if (!again.ok()) continue;
    FrameReader of_again(*again);
    const std::optional<MessageView> same = of_again.next();
    expect(same.has_value() && same->kind == message->kind);
    expect(same->payload.size() <= message->payload.size());
    const Result<Bytes> third = recode_message(*same);
    expect(third.ok() && equal_bytes(*third, *again));
    expect(!of_again.next().has_value() && of_again.ok());
  }
  return 0;
}
