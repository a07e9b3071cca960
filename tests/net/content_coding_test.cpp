#include "host-native/net/content_coding.hpp"

#include <doctest/doctest.h>

namespace topgun::host {
namespace {

constexpr ContentCoding kCodings[] = {ContentCoding::Identity, ContentCoding::Gzip,
                                      ContentCoding::Brotli};

/// Neither random nor all the same.
Bytes sample(size_t size) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * i >> 7);
  return bytes;
}

TEST_CASE("content coding: what is packed comes back, up to the limit and not beyond it") {
  for (const ContentCoding coding : kCodings) {
    CAPTURE(coding_name(coding));
    for (const size_t size : {0, 1, 1000, 16 * 1024, 16 * 1024 + 1, 300'000}) {
      CAPTURE(size);
      const Bytes bytes = sample(size);
      const Bytes packed = pack(coding, bytes);
      const Result<Bytes> unpacked = unpack(coding, packed, size);
      REQUIRE(unpacked.ok());
      CHECK(*unpacked == bytes);
      if (size == 0) continue;
      const Result<Bytes> cut = unpack(coding, packed, size - 1);
      REQUIRE_FALSE(cut.ok());
      CHECK(cut.error() == Error::TooLarge);
    }
  }
}

TEST_CASE("content coding: a small body that unpacks to a huge one is refused") {
  for (const ContentCoding coding : {ContentCoding::Gzip, ContentCoding::Brotli}) {
    CAPTURE(coding_name(coding));
    const Bytes bomb = pack(coding, Bytes(50 << 20, 0));
    CHECK(bomb.size() < 512 * 1024);
    const Result<Bytes> unpacked = unpack(coding, bomb, 1 << 20);
    REQUIRE_FALSE(unpacked.ok());
    CHECK(unpacked.error() == Error::TooLarge);
  }
}

TEST_CASE("content coding: streams that are cut off, damaged or followed by more are refused") {
  for (const ContentCoding coding : {ContentCoding::Gzip, ContentCoding::Brotli}) {
    CAPTURE(coding_name(coding));
    const Bytes packed = pack(coding, sample(2000));
    for (size_t size = 0; size < packed.size(); ++size) {
      const Result<Bytes> unpacked = unpack(coding, ByteView(packed).first(size), 1 << 20);
      REQUIRE_FALSE(unpacked.ok());
      CHECK(unpacked.error() == Error::Truncated);
    }
    Bytes longer = packed;
    longer.push_back(0);
    REQUIRE_FALSE(unpack(coding, longer, 1 << 20).ok());
    CHECK(unpack(coding, longer, 1 << 20).error() == Error::Malformed);
    CHECK_FALSE(unpack(coding, as_bytes("\xff\xff\xff\xff\xff\xff"), 1 << 20).ok());
  }
}

TEST_CASE("content coding: what headers name") {
  CHECK(coding_from("") == ContentCoding::Identity);
  CHECK(coding_from("identity") == ContentCoding::Identity);
  CHECK(coding_from(" GZIP ") == ContentCoding::Gzip);
  CHECK(coding_from("x-gzip") == ContentCoding::Gzip);
  CHECK(coding_from("br") == ContentCoding::Brotli);
  CHECK_FALSE(coding_from("gzip, br").has_value());
  CHECK_FALSE(coding_from("zstd").has_value());
  struct Case {
    const char* header;
    ContentCoding coding;
  };
  const Case cases[] = {{"", ContentCoding::Identity},
                        {"gzip", ContentCoding::Gzip},
                        {"gzip, deflate, br", ContentCoding::Brotli},
                        {"br;q=0, gzip;q=0.5", ContentCoding::Gzip},
                        {"br; q=0.000 ,gzip;q=0", ContentCoding::Identity},
                        {"brx", ContentCoding::Identity},
                        {",,;q=1,", ContentCoding::Identity}};
  for (const Case& c : cases) {
    CAPTURE(c.header);
    CHECK(accepted_coding(c.header) == c.coding);
  }
}

}  // namespace
}  // namespace topgun::host
