#include "core/base/byte_io.hpp"

#include <doctest/doctest.h>

namespace topgun {
namespace {

TEST_CASE("byte_io: integers are little-endian whatever the machine") {
  Bytes out;
  ByteWriter writer(out);
  writer.u8(0x01);
  writer.u16(0x0203);
  writer.u32(0x04050607);
  writer.u64(0x08090a0b0c0d0e0f);
  CHECK(out == Bytes{0x01, 0x03, 0x02, 0x07, 0x06, 0x05, 0x04, 0x0f, 0x0e, 0x0d, 0x0c, 0x0b, 0x0a,
                     0x09, 0x08});

  ByteReader reader(out);
  CHECK(reader.u8() == 0x01);
  CHECK(reader.u16() == 0x0203);
  CHECK(reader.u32() == 0x04050607);
  CHECK(reader.u64() == 0x08090a0b0c0d0e0f);
  CHECK(reader.at_end());
  CHECK(reader.ok());
}

TEST_CASE("byte_io: varints have one form, the shortest") {
  struct Case {
    uint64_t value;
    Bytes bytes;
  };
  const Case cases[] = {
      {0, {0x00}},
      {1, {0x01}},
      {127, {0x7f}},
      {128, {0x80, 0x01}},
      {300, {0xac, 0x02}},
      {UINT32_MAX, {0xff, 0xff, 0xff, 0xff, 0x0f}},
      {uint64_t{1} << 63, {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}},
      {UINT64_MAX, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.value);
    Bytes out;
    ByteWriter(out).varint(c.value);
    CHECK(out == c.bytes);
    ByteReader reader(c.bytes);
    CHECK(reader.varint() == c.value);
    CHECK(reader.at_end());
    CHECK(reader.ok());
  }
}

TEST_CASE("byte_io: a bad varint is refused with the reason") {
  struct Case {
    const char* name;
    Bytes bytes;
    Error error;
  };
  const Case cases[] = {
      {"nothing there", {}, Error::Truncated},
      {"ends in the middle", {0x80}, Error::Truncated},
      {"zero in two bytes", {0x80, 0x00}, Error::Malformed},
      {"one in three bytes", {0x81, 0x80, 0x00}, Error::Malformed},
      {"bit 64", {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}, Error::Malformed},
      {"eleven bytes",
       {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x81, 0x01},
       Error::Malformed},
  };
  for (const Case& c : cases) {
    CAPTURE(c.name);
    ByteReader reader(c.bytes);
    CHECK(reader.varint() == 0);
    CHECK_FALSE(reader.ok());
    CHECK(reader.error() == c.error);
  }
}

TEST_CASE("byte_io: a number above its stated maximum is too large") {
  const Bytes bytes = {0xac, 0x02, 0xac, 0x02};
  ByteReader reader(bytes);
  CHECK(reader.varint_max(300) == 300);
  CHECK(reader.ok());
  CHECK(reader.varint_max(299) == 0);
  CHECK(reader.error() == Error::TooLarge);
}

TEST_CASE("byte_io: a blob is bounded by its limit and by what is there") {
  const Bytes bytes = {3, 'a', 'b', 'c', 200};
  ByteReader within(bytes);
  CHECK(as_text(within.blob(3)) == "abc");
  CHECK(within.remaining() == 1);

  ByteReader above_limit(bytes);
  CHECK(above_limit.blob(2).empty());
  CHECK(above_limit.error() == Error::TooLarge);

  const Bytes lying = {200, 1, 'a'};
  ByteReader beyond_end(lying);
  CHECK(beyond_end.blob(1000).empty());
  CHECK(beyond_end.error() == Error::Truncated);
}

TEST_CASE("byte_io: the first failure is kept and every later read is empty") {
  const Bytes bytes = {1, 2, 3};
  ByteReader reader(bytes);
  CHECK(reader.u32() == 0);
  CHECK(reader.error() == Error::Truncated);
  reader.fail(Error::Malformed);
  CHECK(reader.error() == Error::Truncated);
  CHECK(reader.u8() == 0);
  CHECK(reader.varint() == 0);
  CHECK(reader.raw(1).empty());
  CHECK(reader.rest().empty());
  CHECK(reader.remaining() == 0);
}

TEST_CASE("byte_io: a length that is known later is filled in") {
  Bytes out = {9};
  ByteWriter writer(out);
  const size_t length_at = writer.begin_u32_length();
  writer.raw(as_bytes("abc"));
  writer.end_u32_length(length_at);
  writer.blob(as_bytes("z"));
  CHECK(out == Bytes{9, 3, 0, 0, 0, 'a', 'b', 'c', 1, 'z'});
  CHECK(writer.size() == out.size());
}

TEST_CASE("byte_io: zigzag keeps small magnitudes small and loses nothing") {
  struct Case {
    int64_t value;
    uint64_t zigzag;
  };
  const Case cases[] = {
      {0, 0}, {-1, 1}, {1, 2}, {-2, 3}, {INT64_MAX, UINT64_MAX - 1}, {INT64_MIN, UINT64_MAX},
  };
  for (const Case& c : cases) {
    CAPTURE(c.value);
    CHECK(zigzag(c.value) == c.zigzag);
    CHECK(unzigzag(c.zigzag) == c.value);
  }
}

}  // namespace
}  // namespace topgun
