#include "host-native/net/event_stream.hpp"

#include <doctest/doctest.h>

namespace topgun::host {
namespace {

TEST_CASE("event stream: bytes are base64 with padding") {
  struct Case {
    std::string_view bytes;
    std::string_view event;
  };
  // RFC 4648 §10.
  const Case cases[] = {{"", "data: \n\n"},
                        {"f", "data: Zg==\n\n"},
                        {"fo", "data: Zm8=\n\n"},
                        {"foo", "data: Zm9v\n\n"},
                        {"foob", "data: Zm9vYg==\n\n"},
                        {"fooba", "data: Zm9vYmE=\n\n"},
                        {"foobar", "data: Zm9vYmFy\n\n"},
                        {"\xfb\xff\xfe", "data: +//+\n\n"}};
  for (const Case& c : cases) CHECK(as_text(binary_event({}, as_bytes(c.bytes))) == c.event);
}

TEST_CASE("event stream: events may have a name, and become chunks with their size in front") {
  CHECK(as_text(binary_event("end", as_bytes("foo"))) == "event: end\ndata: Zm9v\n\n");
  CHECK(as_text(text_event({}, "[1]")) == "data: [1]\n\n");
  CHECK(as_text(text_event({}, "[1,\n 2]\n")) == "data: [1,\ndata:  2]\n\n");
  CHECK(as_text(as_chunk(text_event({}, "[1,22,333]"))) == "12\r\ndata: [1,22,333]\n\n\r\n");
  CHECK(as_text(as_chunk(heartbeat_event())) == "9\r\n: alive\n\n\r\n");
}

}  // namespace
}  // namespace topgun::host
