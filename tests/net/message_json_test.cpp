#include "host-native/json/message_json.hpp"

#include <cstring>

#include "core/sync/batch.hpp"
#include "core/value/value_writer.hpp"
#include "tests/support/property.hpp"
#include "tests/support/random_batch.hpp"
#include "tests/support/random_value.hpp"
#include "tests/support/sample_messages.hpp"

// A frame may travel as JSON without losing a bit, and people may leave out what can be filled in.

namespace topgun {
namespace {

using host::frame_to_json;
using host::json_to_frame;
using host::JsonDefaults;

constexpr JsonDefaults kNone{};
constexpr JsonDefaults kRequest{.now_ms = 1700000000000, .replica = 99, .fills_opening = true};

void check_same(const Bytes& frame) {
  const auto json = frame_to_json(frame);
  REQUIRE(json.has_value());
  CAPTURE(*json);
  const auto again = json_to_frame(*json, kNone);
  REQUIRE_MESSAGE(again.frame.has_value(), again.problem);
  CHECK(*again.frame == frame);
}

TEST_CASE("message json: a message of every kind comes back as the same bytes") {
  Bytes all;
  for (const auto& sample : sample_messages()) {
    CAPTURE(sample.first);
    check_same(sample.second);
    all.insert(all.end(), sample.second.begin(), sample.second.end());
  }
  check_same(all);
  check_same({});
}

TEST_CASE("message json: random batches come back as the same bytes") {
  for_each_seed(2000, [](Gen& gen) {
    std::vector<OwnedOperation> operations;
    const Bytes batch = random_operations(gen, operations);
    const Bytes records = random_records(gen);
    const uint64_t number = gen.bits();
    Bytes frame;
    MessageWriter to(frame);
    to.operations(batch);
    to.changes({3, number, batch});
    to.records({number, records});
    check_same(frame);
  });
}

TEST_CASE("message json: values are readable if they are canonical") {
  const auto json_of = [](ByteView value) {
    OperationBatchBuilder builder;
    builder.begin({MapKind::Lww, ReplicaId{1}, 1, 0, as_bytes("m")});
    builder.add({OperationKind::LwwSet, 1, 0, 0, as_bytes("k"), value});
    Bytes frame;
    MessageWriter(frame).operations(builder.finish());
    const std::string json = frame_to_json(frame).value();
    const size_t at = json.find("\"value\":") + 8;
    return json.substr(at, json.rfind("}]}") - at);
  };
  struct Case {
    std::string_view bytes;
    const char* json;
  };
  using namespace std::string_view_literals;
  const Case cases[] = {
      {"\xc0", "null"},
      {"\xc3", "true"},
      {"\x07", "7"},
      {"\xff", "-1"},
      {"\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a", "0.1"},
      {"\xcb\x80\0\0\0\0\0\0\0"sv, "-0.0"},
      {"\xcb\x7f\xf8\0\0\0\0\0\0"sv, R"({"$number":"NaN"})"},
      {"\xcb\xff\xf0\0\0\0\0\0\0"sv, R"({"$number":"-Infinity"})"},
      {"\xa3h\"\n", R"("h\"\n")"},
      {"\xc4\x02\x00\xff"sv, R"({"$binary":"AP8"})"},
      {"\xd5\x01\x00\x05"sv, R"({"$bigint":"5"})"},
      {"\xc7\x0b\x01\x01\x01\0\0\0\0\0\0\0\0\0"sv, R"({"$bigint":"-0x01000000000000000000"})"},
      {"\xd6\xff\0\0\0\x01"sv, R"({"$date":1000})"},
      {"\xd7\xff\0\0\0\x04\0\0\0\x01"sv, R"({"$date":{"seconds":1,"nanoseconds":1}})"},
      {"\xd4\x05\x09", R"({"$extension":{"type":5,"bytes":"CQ"}})"},
      {"\x82\xa1"
       "a\x01\xa1"
       "b\x90",
       R"({"a":1,"b":[]})"},
      {"\x81\xa2$a\x01", R"({"$map":{"$a":1}})"},
      {"\xcc\x07", R"({"$messagepack":"zAc"})"},
  };
  for (const Case& c : cases) CHECK(json_of(as_bytes(c.bytes)) == c.json);
}

TEST_CASE("message json: what a person leaves out is filled in") {
  const auto read = json_to_frame(
      R"([{"message":"operations","map":"notes","operations":[
           {"operation":"set","key":"a","value":{"text":"hi","done":false}},
           {"operation":"remove","key":"b"}]},
          {"message":"subscribe","map":"notes"}])",
      kRequest);
  REQUIRE_MESSAGE(read.frame.has_value(), read.problem);
  FrameReader reader(*read.frame);
  const auto hello = decode_hello(reader.next()->payload);
  REQUIRE(hello.ok());
  CHECK(hello->replica.value == 99);
  CHECK(hello->client_ms == 1700000000000);
  CHECK(reader.next()->kind == static_cast<uint8_t>(MessageKind::Exchange));
  OperationBatch batch;
  REQUIRE(decode_operations(reader.next()->payload, Values::Validate, batch).ok());
  CHECK(batch.header.replica.value == 99);
  REQUIRE(batch.operations.size() == 2);
  CHECK(batch.operations[0].sequence == 1);
  CHECK(batch.operations[1].sequence == 2);
  CHECK(batch.operations[1].time == stamp_time(1700000000000, 1));
  // Keys of maps are put in the order that the canonical form has.
  CHECK(ValueView(batch.operations[0].payload).entries().next()->key == "done");
  const auto subscribe = decode_subscribe(reader.next()->payload);
  REQUIRE(subscribe.ok());
  CHECK(subscribe->map.size() == 5);
  CHECK_FALSE(reader.next().has_value());
}

TEST_CASE("message json: what is wrong is named") {
  struct Case {
    std::string json;
    Error error;
    const char* problem;
  };
  const auto operation = [](const std::string& members) {
    return R"([{"message":"operations","map":"m","operations":[{)" + members + "}]}]";
  };
  const std::string deep(100, '[');
  const Case cases[] = {
      {"", Error::Malformed, "not JSON"},
      {"[", Error::Malformed, "not JSON"},
      {"[] []", Error::Malformed, "not JSON"},
      {deep + std::string(100, ']'), Error::Malformed, "nested"},
      {"[\"\xff\"]", Error::Malformed, "not JSON"},
      {"{}", Error::Malformed, "an array"},
      {"[1]", Error::Malformed, "an object"},
      {R"([{}])", Error::Malformed, "'message'"},
      {R"([{"message":"helo"}])", Error::UnknownMessage, "'message'"},
      {R"([{"message":"ping","nonce":-1}])", Error::Malformed, "'nonce'"},
      {R"([{"message":"ping","nonce":"18446744073709551616"}])", Error::Malformed, "'nonce'"},
      {R"([{"message":"ping","nonce":1,"none":2}])", Error::Malformed, "'none'"},
      {R"([{"message":"unknown","kind":256,"payload":""}])", Error::Malformed, "'kind'"},
      {R"([{"message":"subscribe","map":"m","cursor":"?"}])", Error::Malformed, "'cursor'"},
      {R"([{"message":"subscribe","map":""}])", Error::Malformed, "'map'"},
      {R"([{"message":"operations","map":"m","operations":[]}])", Error::TooLarge, "'operations'"},
      {operation(R"("operation":"add","key":"k","value":1)"), Error::Malformed, "'operation'"},
      {operation(R"("operation":"set","key":"k")"), Error::Malformed, "'value'"},
      {operation(R"("operation":"set","key":"","value":1)"), Error::Malformed, "key"},
      {operation(R"("operation":"set","key":"k","value":{"$x":1})"), Error::Malformed, "'$x'"},
      {operation(R"("operation":"set","key":"k","value":{"$bigint":"1x"})"), Error::Malformed,
       "'$bigint'"},
      {operation(R"("operation":"set","key":"k","value":{"$date":8640000000000001})"),
       Error::Malformed, "'$date'"},
      {operation(R"("operation":"set","key":"k","value":{"$messagepack":"wQ"})"), Error::Malformed,
       "'$messagepack'"},
      {R"([{"message":"diff","subscription":1,"leaves":[{"depth":1,"bits":1},{"depth":1,"bits":0}]}])",
       Error::Malformed, "regions"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.json);
    const auto read = json_to_frame(c.json, kNone);
    REQUIRE_FALSE(read.frame.has_value());
    CHECK(read.error == c.error);
    CHECK_MESSAGE(read.problem.find(c.problem) != std::string::npos, read.problem);
  }
}

TEST_CASE("message json: doubles keep every bit") {
  for_each_seed(20'000, [](Gen& gen) {
    const uint64_t bits = gen.bits();
    double number;
    std::memcpy(&number, &bits, sizeof(number));
    Bytes value;
    ValueWriter(value).number(number);
    OperationBatchBuilder builder;
    builder.begin({MapKind::Lww, ReplicaId{1}, 1, 0, as_bytes("m")});
    builder.add({OperationKind::LwwSet, 1, 0, 0, as_bytes("k"), value});
    Bytes frame;
    MessageWriter(frame).operations(builder.finish());
    check_same(frame);
  });
}

}  // namespace
}  // namespace topgun
