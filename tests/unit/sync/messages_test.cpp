#include "core/sync/messages.hpp"

#include <functional>

#include "tests/support/recode.hpp"
#include "tests/support/records.hpp"
#include "tests/support/sample_messages.hpp"

namespace topgun {
namespace {

/// The only message of a frame.
MessageView only_message(ByteView frame) {
  FrameReader reader(frame);
  const std::optional<MessageView> message = reader.next();
  REQUIRE(message.has_value());
  CHECK_FALSE(reader.next().has_value());
  CHECK(reader.ok());
  return *message;
}

template <typename T>
std::optional<Error> error_of(const Result<T>& result) {
  if (result.ok()) return std::nullopt;
  return result.error();
}

/// Messages whose payload ends in a batch, which this layer carries as it is.
bool carries_batch(uint8_t kind) {
  const auto message = static_cast<MessageKind>(kind);
  return message == MessageKind::Operations || message == MessageKind::Records ||
         message == MessageKind::Changes;
}

TEST_CASE("messages: each kind is read and written again as it was") {
  std::vector<uint8_t> kinds;
  for (const auto& sample : sample_messages()) {
    const auto& name = sample.first;
    const auto& frame = sample.second;
    CAPTURE(name);
    const MessageView message = only_message(frame);
    const Result<Bytes> again = recode_message(message);
    REQUIRE(again.ok());
    CHECK(hex_of(*again) == hex_of(frame));
    kinds.push_back(message.kind);
  }
  CHECK(kinds == std::vector<uint8_t>{1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                      12, 65, 66, 67, 68, 69, 70, 71, 72, 73});
}

TEST_CASE("messages: no payload that is cut off is a payload") {
  for (const auto& sample : sample_messages()) {
    const auto& name = sample.first;
    const auto& frame = sample.second;
    const MessageView message = only_message(frame);
    if (message.kind == static_cast<uint8_t>(MessageKind::Operations)) continue;
    // A batch that is cut off is the batch decoder's to refuse.
    const size_t sizes =
        message.payload.size() - (carries_batch(message.kind) ? as_bytes("(batch)").size() : 0);
    for (size_t size = 0; size < sizes; ++size) {
      CAPTURE(name);
      CAPTURE(size);
      const Result<Bytes> cut = recode_message({message.kind, message.payload.first(size)});
      CHECK(error_of(cut) == Error::Truncated);
    }
  }
}

TEST_CASE("messages: what stands behind the known fields is a later version's and passed over") {
  for (const auto& sample : sample_messages()) {
    const auto& name = sample.first;
    const auto& frame = sample.second;
    const MessageView message = only_message(frame);
    if (carries_batch(message.kind)) continue;
    CAPTURE(name);
    Bytes longer = to_bytes(message.payload);
    // A Hello of a later version leaves nothing out in front of its own fields.
    const bool is_hello = message.kind == static_cast<uint8_t>(MessageKind::Hello);
    if (is_hello && decode_hello(message.payload)->ack_level_min == AckLevel::Memory) {
      longer.push_back(static_cast<uint8_t>(AckLevel::Memory));
    }
    longer.push_back(0);
    longer.push_back(0xff);
    const Result<Bytes> known = recode_message({message.kind, longer});
    REQUIRE(known.ok());
    CHECK(hex_of(*known) == hex_of(frame));
  }
}

TEST_CASE("frame: messages come out in order, and an empty frame has none") {
  Bytes frame;
  MessageWriter writer(frame);
  writer.ping(1);
  writer.unsubscribe(2);
  writer.ping(3);
  FrameReader reader(frame);
  std::vector<uint8_t> kinds;
  while (const auto message = reader.next()) kinds.push_back(message->kind);
  CHECK(reader.ok());
  CHECK(kinds == std::vector<uint8_t>{7, 4, 7});

  FrameReader nothing({});
  CHECK_FALSE(nothing.next().has_value());
  CHECK(nothing.ok());
}

TEST_CASE("frame: unknown kinds are passed on") {
  Bytes frame;
  ByteWriter(frame).blob(as_bytes("\xc8 payload"));
  const MessageView message = only_message(frame);
  CHECK(message.kind == 200);
  CHECK(as_text(message.payload) == " payload");
  CHECK(error_of(recode_message(message)) == Error::UnknownMessage);
}

TEST_CASE("frame: broken framing ends the frame with an error") {
  const auto error_after = [](const Bytes& frame) {
    FrameReader reader(frame);
    while (reader.next()) {
    }
    return reader.ok() ? std::optional<Error>() : reader.error();
  };
  CHECK(error_after({0x00}) == Error::Malformed);              // A message without a kind.
  CHECK(error_after({0x02, 0x07}) == Error::Truncated);        // One byte of two.
  CHECK(error_after({0x80}) == Error::Truncated);              // Half a length.
  CHECK(error_after({0x81, 0x00, 0x07}) == Error::Malformed);  // A length longer than needed.
  CHECK(error_after({0xff, 0xff, 0xff, 0x7f, 0x07}) == Error::Truncated);
}

template <typename T>
struct Rule {
  const char* name;
  std::function<void(T&)> change;
  std::optional<Error> error;
};

/// Applies each rule to a copy of `valid`, writes it with `write` and reads it with `decode`.
template <typename T, typename Write, typename Decode>
void check_rules(const T& valid, Write write, Decode decode, const std::vector<Rule<T>>& rules) {
  for (const Rule<T>& rule : rules) {
    CAPTURE(rule.name);
    T message = valid;
    rule.change(message);
    Bytes frame;
    MessageWriter writer(frame);
    (writer.*write)(message);
    CHECK(error_of(decode(only_message(frame).payload)) == rule.error);
  }
}

TEST_CASE("hello: magic, identity and the token's length are checked") {
  const std::string token_max(kTokenBytesMax, 't'), token_over(kTokenBytesMax + 1, 't');
  const HelloMessage valid{.replica = {1}};
  check_rules<HelloMessage>(
      valid, &MessageWriter::hello, decode_hello,
      {{"as it is", [](HelloMessage&) {}, {}},
       {"no replica", [](HelloMessage& m) { m.replica = {}; }, Error::Malformed},
       {"acks of the highest level only",
        [](HelloMessage& m) { m.ack_level_min = AckLevel::Object; },
        {}},
       {"acks of a level unknown",
        [](HelloMessage& m) { m.ack_level_min = static_cast<AckLevel>(5); }, Error::Malformed},
       {"longest token", [&](HelloMessage& m) { m.token = as_bytes(token_max); }, {}},
       {"token too long", [&](HelloMessage& m) { m.token = as_bytes(token_over); },
        Error::TooLarge}});
  Bytes frame;
  MessageWriter(frame).hello(valid);
  ++frame[2];  // The first byte of the magic, behind size and kind.
  CHECK(error_of(decode_hello(only_message(frame).payload)) == Error::Malformed);
}

TEST_CASE("subscribe: kind, name and the cursor's length are checked") {
  const std::string name_max(kMapNameBytesMax, 'm'), name_over(kMapNameBytesMax + 1, 'm');
  const std::string cursor_max(kCursorBytesMax, 'c'), cursor_over(kCursorBytesMax + 1, 'c');
  using Message = SubscribeMessage;
  check_rules<Message>(
      {.map = as_bytes("map")}, &MessageWriter::subscribe, decode_subscribe,
      {{"as it is", [](Message&) {}, {}},
       {"kind zero", [](Message& m) { m.kind = MapKind(0); }, Error::Malformed},
       {"kind unknown", [](Message& m) { m.kind = MapKind(4); }, Error::Malformed},
       {"no name", [](Message& m) { m.map = {}; }, Error::Malformed},
       {"longest name", [&](Message& m) { m.map = as_bytes(name_max); }, {}},
       {"name too long", [&](Message& m) { m.map = as_bytes(name_over); }, Error::TooLarge},
       {"name not UTF-8", [](Message& m) { m.map = as_bytes("\xff"); }, Error::InvalidUtf8},
       {"longest cursor", [&](Message& m) { m.cursor = as_bytes(cursor_max); }, {}},
       {"cursor too long", [&](Message& m) { m.cursor = as_bytes(cursor_over); },
        Error::TooLarge}});
}

TEST_CASE("welcome, ack, subscribed: levels and modes are those that exist") {
  for (int value = 0; value < 256; ++value) {
    CAPTURE(value);
    const auto level = static_cast<AckLevel>(value);
    const bool is_level = value >= 1 && value <= 4;
    Bytes welcome, ack, subscribed;
    MessageWriter(welcome).welcome({.level_max = level});
    MessageWriter(ack).ack({.level = level});
    MessageWriter(subscribed).subscribed({.mode = static_cast<SyncMode>(value)});
    CHECK(decode_welcome(only_message(welcome).payload).ok() == is_level);
    CHECK(decode_ack(only_message(ack).payload).ok() == is_level);
    CHECK(decode_subscribed(only_message(subscribed).payload).ok() == (value >= 1 && value <= 5));
  }
}

TEST_CASE("reject: names at least one sequence, and only sequences that exist") {
  const std::string detail_max(kErrorDetailBytesMax, 'd'),
      detail_over(kErrorDetailBytesMax + 1, 'd');
  using Message = RejectMessage;
  check_rules<Message>(
      {.sequence = 1, .count = 1}, &MessageWriter::reject, decode_reject,
      {{"as it is", [](Message&) {}, {}},
       {"sequence zero", [](Message& m) { m.sequence = 0; }, Error::Malformed},
       {"no sequence", [](Message& m) { m.count = 0; }, Error::Malformed},
       {"all sequences", [](Message& m) { m.count = UINT64_MAX; }, {}},
       {"the last sequence", [](Message& m) { m.sequence = UINT64_MAX; }, {}},
       {"beyond the last sequence", [](Message& m) { m.sequence = UINT64_MAX, m.count = 2; },
        Error::Malformed},
       {"longest detail", [&](Message& m) { m.detail = as_bytes(detail_max); }, {}},
       {"detail too long", [&](Message& m) { m.detail = as_bytes(detail_over); }, Error::TooLarge},
       {"detail not UTF-8", [](Message& m) { m.detail = as_bytes("\xff"); }, Error::InvalidUtf8}});
}

TEST_CASE("error: detail and the fatal mark are checked") {
  const std::string detail_over(kErrorDetailBytesMax + 1, 'd');
  using Message = ErrorMessage;
  check_rules<Message>(
      {.error = 999}, &MessageWriter::error, decode_error,
      {{"a number this build does not know", [](Message&) {}, {}},
       {"detail too long", [&](Message& m) { m.detail = as_bytes(detail_over); }, Error::TooLarge},
       {"detail not UTF-8", [](Message& m) { m.detail = as_bytes("\xff"); }, Error::InvalidUtf8}});
  Bytes frame;
  MessageWriter(frame).error({.error = 1});
  frame[4] = 2;  // Neither fatal nor not, behind size, kind and number.
  CHECK(error_of(decode_error(only_message(frame).payload)) == Error::Malformed);
}

/// One more node, with as many children as the message says.
void add_node(DiffMessage& message, HashPrefix prefix) {
  message.nodes.push_back(prefix);
  message.children.resize(message.children.size() + (size_t{1} << message.child_bits), 1);
}

std::vector<DiffMessage::Entry> entries_of(uint64_t count, size_t numbers) {
  std::vector<DiffMessage::Entry> entries;
  for (uint64_t i = 0; i < count; ++i) {
    entries.push_back({{48, i}, std::vector<uint16_t>(numbers, 1)});
  }
  return entries;
}

DiffMessage::Claim claim_of(size_t missing, size_t offers) {
  return {{}, std::vector<uint16_t>(missing, 1), std::vector<DiffMessage::Offer>(offers, {1, 1})};
}

TEST_CASE("diff: depths, order and every limit are checked") {
  using Message = DiffMessage;
  const auto nodes = [](uint64_t count, uint8_t depth, uint8_t child_bits) {
    return [=](Message& m) {
      m.child_bits = child_bits;
      for (uint64_t i = 0; i < count; ++i) add_node(m, {depth, i});
    };
  };
  check_rules<Message>(
      {}, &MessageWriter::diff, decode_diff,
      {{"empty", [](Message&) {}, {}},
       {"last slice", [](Message& m) { m.slice = 3; }, {}},
       {"slice unknown", [](Message& m) { m.slice = 4; }, Error::Malformed},
       {"widest node", nodes(1, 0, 6), {}},
       {"node too wide", nodes(1, 0, 7), Error::Malformed},
       {"node without width", nodes(1, 0, 0), Error::Malformed},
       {"deepest node", nodes(1, 45, 3), {}},
       {"children too deep", nodes(1, 46, 3), Error::Malformed},
       {"region too deep",
        [](Message& m) {
          m.leaves = {{{49, 1}, {}}};
        },
        Error::Malformed},
       {"beyond the last region",
        [](Message& m) {
          m.leaves = {{{3, 8}, {}}};
        },
        Error::Malformed},
       {"after the last region",
        [](Message& m) {
          m.leaves = {{{3, 7}, {}}, {{3, 8}, {}}};
        },
        Error::Malformed},
       {"after everything",
        [](Message& m) {
          m.wants = {{{0, 0}, {}}, {{3, 8}, {}}};
        },
        Error::Malformed},
       {"neighbours of other sizes",
        [](Message& m) {
          m.leaves = {{{3, 1}, {}}, {{6, 16}, {}}, {{6, 17}, {}}, {{3, 3}, {}}};
        },
        {}},
       {"fingerprints that tie",
        [](Message& m) {
          m.leaves = {{{3, 1}, {5, 5}}};
        },
        {}},
       {"fingerprints descending",
        [](Message& m) {
          m.leaves = {{{3, 1}, {5, 4}}};
        },
        Error::Malformed},
       {"missing descending",
        [](Message& m) {
          m.claims = {{{}, {5, 4}, {}}};
        },
        Error::Malformed},
       {"identities that tie",
        [](Message& m) {
          m.claims = {{{}, {}, {{5, 1}, {5, 0}}}};
        },
        {}},
       {"identities descending",
        [](Message& m) {
          m.claims = {{{}, {}, {{5, 1}, {4, 2}}}};
        },
        Error::Malformed},
       {"ranks of all sizes",
        [](Message& m) {
          m.claims = {{{}, {}, {{1, UINT64_MAX}, {2, 0}, {3, 1}}}};
        },
        {}},
       {"most nodes", nodes(kDiffEntriesMax, 40, 4), {}},
       {"too many nodes", nodes(kDiffEntriesMax + 1, 40, 1), Error::TooLarge},
       {"too many children", nodes(kDiffNumbersMax / 64 + 1, 40, 6), Error::TooLarge},
       {"most leaves", [](Message& m) { m.leaves = entries_of(kDiffEntriesMax, 16); }, {}},
       {"too many leaves", [](Message& m) { m.leaves = entries_of(kDiffEntriesMax + 1, 0); },
        Error::TooLarge},
       {"too many claims",
        [](Message& m) {
          for (uint64_t i = 0; i <= kDiffEntriesMax; ++i) m.claims.push_back({{48, i}, {}, {}});
        },
        Error::TooLarge},
       {"too many wants", [](Message& m) { m.wants = entries_of(kDiffEntriesMax + 1, 0); },
        Error::TooLarge},
       {"most numbers in one leaf",
        [](Message& m) { m.leaves = entries_of(1, kDiffNumbersMax); },
        {}},
       {"too many numbers in one leaf",
        [](Message& m) { m.leaves = entries_of(1, kDiffNumbersMax + 1); }, Error::TooLarge},
       {"most numbers in one claim",
        [](Message& m) { m.claims = {claim_of(kDiffNumbersMax / 2, kDiffNumbersMax / 2)}; },
        {}},
       {"too many numbers in one claim",
        [](Message& m) { m.claims = {claim_of(kDiffNumbersMax / 2, kDiffNumbersMax / 2 + 1)}; },
        Error::TooLarge},
       {"too many numbers together",
        [](Message& m) {
          m.leaves = entries_of(1, kDiffNumbersMax / 2);
          m.wants = entries_of(1, kDiffNumbersMax / 2 + 1);
        },
        Error::TooLarge}});
}

/// A Diff up to its leaves, without nodes.
ByteWriter begin_leaves(Bytes& payload) {
  ByteWriter out(payload);
  out.varint(1);  // Subscription.
  out.u8(0);      // Slice.
  out.u8(3);      // Child bits.
  out.varint(0);  // Nodes.
  return out;
}

TEST_CASE("diff: a count that cannot be met takes no memory") {
  Bytes payload;
  ByteWriter out = begin_leaves(payload);
  out.varint(1);
  out.varint(0);
  out.varint(kDiffNumbersMax);
  CHECK(error_of(decode_diff(payload)) == Error::Truncated);
}

TEST_CASE("diff: a region has one form") {
  Bytes payload;
  ByteWriter out = begin_leaves(payload);
  out.varint(1);
  out.varint(1);  // At another depth than before,
  out.u8(0);      // but it is the same.
  out.varint(0);
  out.varint(0);
  out.varint(0);
  CHECK(error_of(decode_diff(payload)) == Error::Malformed);
}

TEST_CASE("authenticate: the token's length is checked") {
  Bytes longest, over;
  MessageWriter(longest).authenticate(Bytes(kTokenBytesMax));
  MessageWriter(over).authenticate(Bytes(kTokenBytesMax + 1));
  CHECK(decode_authenticate(only_message(longest).payload).ok());
  CHECK(error_of(decode_authenticate(only_message(over).payload)) == Error::TooLarge);
}

}  // namespace
}  // namespace topgun
