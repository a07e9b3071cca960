#include "core/crdt/record.hpp"

#include "tests/support/records.hpp"

namespace topgun {
namespace {

OwnedRecord lww(std::string value) {
  return {"k", "", {stamp_time(1000, 0), {1}}, 0, false, std::move(value)};
}

TEST_CASE("record: without a time to live it is visible for ever") {
  const OwnedRecord owned = lww("v");
  const Record record = owned.view();
  CHECK(record.expires_at_ms() == 0);
  CHECK(record.visible(0));
  CHECK(record.visible(UINT64_MAX));
  CHECK_FALSE(record.retired_before(UINT64_MAX));
}

TEST_CASE("record: a time to live ends visibility, on the millisecond") {
  OwnedRecord owned = lww("v");
  owned.ttl_ms = 50;
  const Record record = owned.view();
  CHECK(record.expires_at_ms() == 1050);
  CHECK(record.visible(1049));
  CHECK_FALSE(record.visible(1050));
  CHECK_FALSE(record.retired_before(1050));
  CHECK(record.retired_before(1051));
}

TEST_CASE("record: the longest life after the latest stamp still ends") {
  OwnedRecord owned = lww("v");
  owned.stamp.time = UINT64_MAX;
  owned.ttl_ms = kTtlMsMax;
  CHECK(owned.view().expires_at_ms() == kStampMsMax + kTtlMsMax);
  CHECK(owned.view().visible(kStampMsMax));
}

TEST_CASE("record: a tombstone is never visible and retires at its stamp") {
  OwnedRecord owned = lww("");
  owned.tombstone = true;
  CHECK_FALSE(owned.view().visible(0));
  CHECK_FALSE(owned.view().retired_before(1000));
  CHECK(owned.view().retired_before(1001));
}

TEST_CASE("record: a tombstone of the first millisecond retires too") {
  OwnedRecord owned = lww("");
  owned.tombstone = true;
  owned.stamp.time = 0;
  CHECK(owned.view().retired_before(1));
}

TEST_CASE("record: tags and totals are little-endian") {
  const TagBytes tag = element_tag({{0x0807060504030201}, 0x100f0e0d0c0b0a09});
  for (uint8_t i = 0; i < 16; ++i) CHECK(tag[i] == i + 1);
  const auto of_counter = counter_tag({0x0807060504030201});
  for (uint8_t i = 0; i < 8; ++i) CHECK(of_counter[i] == i + 1);

  const CounterBytes bytes = encode_counter({0x0807060504030201, UINT64_MAX - 1});
  CHECK(bytes[0] == 1);
  CHECK(bytes[8] == 0xfe);
  CHECK(decode_counter(bytes).positive == 0x0807060504030201);
  CHECK(decode_counter(bytes).negative == UINT64_MAX - 1);
}

struct ShapeCase {
  const char* name;
  MapKind kind;
  OwnedRecord record;
  std::optional<Error> error;
};

TEST_CASE("record: sizes and shape must be what the kind of map prescribes") {
  using enum MapKind;
  const Stamp stamp{stamp_time(1000, 0), {1}};
  const std::string tag8(8, 't'), tag16(16, 't'), totals(16, 0);
  const std::string key_max(kKeyBytesMax, 'k'), value_max(kValueBytesMax, 'v');
  const ShapeCase cases[] = {
      {"lww value", Lww, {"k", "", stamp, 0, false, "v"}, {}},
      {"lww value with a life", Lww, {"k", "", stamp, 1, false, "v"}, {}},
      {"lww removal", Lww, {"k", "", stamp, 0, true, ""}, {}},
      {"longest key", Lww, {key_max, "", stamp, 0, false, "v"}, {}},
      {"longest value", Lww, {"k", "", stamp, 0, false, value_max}, {}},
      {"longest life", Lww, {"k", "", stamp, kTtlMsMax, false, "v"}, {}},
      {"or element", Or, {"k", tag16, stamp, 5, false, "v"}, {}},
      {"or removal", Or, {"k", tag16, stamp, 0, true, ""}, {}},
      {"counter", Counter, {"k", tag8, stamp, 0, false, totals}, {}},

      {"no key", Lww, {"", "", stamp, 0, false, "v"}, Error::Malformed},
      {"key too long", Lww, {key_max + "k", "", stamp, 0, false, "v"}, Error::TooLarge},
      {"value too long", Lww, {"k", "", stamp, 0, false, value_max + "v"}, Error::TooLarge},
      {"life too long", Lww, {"k", "", stamp, kTtlMsMax + 1, false, "v"}, Error::TooLarge},
      {"neither value nor removal", Lww, {"k", "", stamp, 0, false, ""}, Error::Malformed},
      {"removal with a value", Lww, {"k", "", stamp, 0, true, "v"}, Error::Malformed},
      {"removal with a life", Lww, {"k", "", stamp, 1, true, ""}, Error::Malformed},
      {"lww with a tag", Lww, {"k", tag16, stamp, 0, false, "v"}, Error::Malformed},
      {"or element without a tag", Or, {"k", "", stamp, 0, false, "v"}, Error::Malformed},
      {"or element with half a tag", Or, {"k", tag8, stamp, 0, false, "v"}, Error::Malformed},
      {"or removal with a value", Or, {"k", tag16, stamp, 0, true, "v"}, Error::Malformed},
      {"or element without a value", Or, {"k", tag16, stamp, 0, false, ""}, Error::Malformed},
      {"counter with a long tag", Counter, {"k", tag16, stamp, 0, false, totals}, Error::Malformed},
      {"counter removal", Counter, {"k", tag8, stamp, 0, true, totals}, Error::Malformed},
      {"counter with a life", Counter, {"k", tag8, stamp, 1, false, totals}, Error::Malformed},
      {"short totals", Counter, {"k", tag8, stamp, 0, false, "12345678"}, Error::Malformed},
      {"long totals", Counter, {"k", tag8, stamp, 0, false, totals + "1"}, Error::Malformed},
  };
  for (const ShapeCase& c : cases) {
    CAPTURE(c.name);
    const Result<void> checked = check_record(c.kind, c.record.view());
    CHECK(checked.ok() == !c.error.has_value());
    if (!checked.ok() && c.error) CHECK(checked.error() == *c.error);
  }
}

}  // namespace
}  // namespace topgun
