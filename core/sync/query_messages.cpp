#include "core/sync/message_fields.hpp"
#include "core/sync/messages.hpp"

namespace topgun {
namespace {

constexpr uint8_t kLiveFlag = 1;
constexpr uint8_t kFirstFlag = 1;
constexpr uint8_t kLastFlag = 2;

}  // namespace

void MessageWriter::query(const QueryMessage& query) {
  message(MessageKind::Query, [&](ByteWriter& out) {
    out.varint(query.id);
    out.u8(query.live ? kLiveFlag : 0);
    out.u64(query.known);
    out.blob(query.map);
    out.blob(query.query);
  });
}

void MessageWriter::end_query(uint64_t query) {
  message(MessageKind::EndQuery, [&](ByteWriter& out) { out.varint(query); });
}

void MessageWriter::answer(const AnswerMessage& answer) {
  message(MessageKind::Answer, [&](ByteWriter& out) {
    out.varint(answer.query);
    out.u8(static_cast<uint8_t>((answer.first ? kFirstFlag : 0) | (answer.last ? kLastFlag : 0)));
    if (answer.last) out.u64(answer.known);
    out.raw(answer.part);
  });
}

void MessageWriter::steps(const StepsMessage& steps) {
  message(MessageKind::Steps, [&](ByteWriter& out) {
    out.varint(steps.query);
    out.raw(steps.steps);
  });
}

void MessageWriter::query_failed(const QueryFailedMessage& failed) {
  message(MessageKind::QueryFailed, [&](ByteWriter& out) {
    out.varint(failed.query);
    out.u16(failed.error);
    out.blob(failed.detail);
  });
}

Result<QueryMessage> decode_query_message(ByteView payload) {
  ByteReader in(payload);
  QueryMessage query;
  query.id = in.varint();
  query.live = (in.u8() & kLiveFlag) != 0;
  query.known = in.u64();
  query.map = take_text(in, kMapNameBytesMax);
  if (in.ok() && query.map.empty()) in.fail(Error::Malformed);
  query.query = in.blob(kQueryBytesMax);
  return finish_message(in, query);
}

Result<uint64_t> decode_end_query(ByteView payload) {
  ByteReader in(payload);
  const uint64_t query = in.varint();
  return finish_message(in, query);
}

Result<AnswerMessage> decode_answer(ByteView payload) {
  ByteReader in(payload);
  AnswerMessage answer;
  answer.query = in.varint();
  const uint8_t flags = in.u8();
  answer.first = (flags & kFirstFlag) != 0;
  answer.last = (flags & kLastFlag) != 0;
  if (answer.last) answer.known = in.u64();
  answer.part = in.rest();
  if (!in.ok()) return in.error();
  return answer;
}

Result<StepsMessage> decode_steps(ByteView payload) {
  ByteReader in(payload);
  StepsMessage steps;
  steps.query = in.varint();
  steps.steps = in.rest();
  if (!in.ok()) return in.error();
  return steps;
}

Result<QueryFailedMessage> decode_query_failed(ByteView payload) {
  ByteReader in(payload);
  QueryFailedMessage failed;
  failed.query = in.varint();
  failed.error = in.u16();
  failed.detail = take_text(in, kErrorDetailBytesMax);
  return finish_message(in, failed);
}

}  // namespace topgun
