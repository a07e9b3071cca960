#include "host-native/json/query_forms.hpp"

namespace topgun::host {
namespace {

Bytes take_bytes(MessageReading& in, std::string_view name, size_t bytes_max) {
  Bytes bytes = in.members.bytes(name);
  if (bytes.size() > bytes_max)
    in.problem.say(Error::TooLarge, "'" + std::string(name) + "': too long");
  return bytes;
}

ByteView take_text(MessageReading& in, std::string_view name, size_t bytes_max) {
  const std::string_view text = in.members.text(name, std::string_view());
  if (text.size() > bytes_max)
    in.problem.say(Error::TooLarge, "'" + std::string(name) + "': too long");
  return as_bytes(text);
}

bool write_query(JsonWriter& out, ByteView payload) {
  const auto query = decode_query_message(payload);
  if (!query.ok()) return false;
  out.name("query");
  out.count(query->id);
  out.name("live");
  out.boolean(query->live);
  out.name("known");
  out.id(query->known);
  out.name("map");
  out.text(as_text(query->map));
  out.name("bytes");
  out.bytes(query->query);
  return true;
}

void read_query(MessageReading& in) {
  QueryMessage query;
  query.id = in.members.number("query");
  query.live = in.members.flag("live", false);
  query.known = in.members.number("known", 0);
  query.map = take_text(in, "map", kMapNameBytesMax);
  const Bytes bytes = take_bytes(in, "bytes", kQueryBytesMax);
  query.query = bytes;
  in.to.query(query);
}

bool write_end_query(JsonWriter& out, ByteView payload) {
  const auto query = decode_end_query(payload);
  if (!query.ok()) return false;
  out.name("query");
  out.count(*query);
  return true;
}

void read_end_query(MessageReading& in) { in.to.end_query(in.members.number("query")); }

bool write_answer(JsonWriter& out, ByteView payload) {
  const auto answer = decode_answer(payload);
  if (!answer.ok()) return false;
  out.name("query");
  out.count(answer->query);
  out.name("first");
  out.boolean(answer->first);
  out.name("last");
  out.boolean(answer->last);
  out.name("known");
  out.id(answer->known);
  out.name("part");
  out.bytes(answer->part);
  return true;
}

void read_answer(MessageReading& in) {
  AnswerMessage answer;
  answer.query = in.members.number("query");
  answer.first = in.members.flag("first", true);
  answer.last = in.members.flag("last", true);
  answer.known = in.members.number("known", 0);
  const Bytes part = in.members.bytes("part");
  answer.part = part;
  in.to.answer(answer);
}

bool write_steps(JsonWriter& out, ByteView payload) {
  const auto steps = decode_steps(payload);
  if (!steps.ok()) return false;
  out.name("query");
  out.count(steps->query);
  out.name("steps");
  out.bytes(steps->steps);
  return true;
}

void read_steps(MessageReading& in) {
  StepsMessage steps;
  steps.query = in.members.number("query");
  const Bytes bytes = in.members.bytes("steps");
  steps.steps = bytes;
  in.to.steps(steps);
}

bool write_query_failed(JsonWriter& out, ByteView payload) {
  const auto failed = decode_query_failed(payload);
  if (!failed.ok()) return false;
  out.name("query");
  out.count(failed->query);
  out.name("error");
  out.integer(failed->error);
  out.name("detail");
  out.text(as_text(failed->detail));
  return true;
}

void read_query_failed(MessageReading& in) {
  QueryFailedMessage failed;
  failed.query = in.members.number("query");
  failed.error = static_cast<uint16_t>(in.members.number("error", std::nullopt, UINT16_MAX));
  failed.detail = take_text(in, "detail", kErrorDetailBytesMax);
  in.to.query_failed(failed);
}

constexpr MessageForm kForms[] = {
    {MessageKind::Query, "query", write_query, read_query},
    {MessageKind::EndQuery, "end_query", write_end_query, read_end_query},
    {MessageKind::Answer, "answer", write_answer, read_answer},
    {MessageKind::Steps, "steps", write_steps, read_steps},
    {MessageKind::QueryFailed, "query_failed", write_query_failed, read_query_failed},
};

}  // namespace

std::span<const MessageForm> query_forms() { return kForms; }

}  // namespace topgun::host
