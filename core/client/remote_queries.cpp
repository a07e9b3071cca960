#include "core/client/remote_queries.hpp"

#include <algorithm>

#include "core/base/probe.hpp"
#include "core/value/utf8.hpp"

namespace topgun::client {

Result<void> RemoteQueries::add(uint64_t number, bool live, ByteView map, ByteView query) {
  if (query.size() > kQueryBytesMax || map.size() > kMapNameBytesMax) return Error::TooLarge;
  if (map.empty() || !is_utf8(map) || queries_.count(number) != 0) return Error::InvalidArgument;
  if (queries_.size() == kQueriesMax) return Error::LimitExceeded;
  Entry& entry = queries_[number];
  entry.live = live;
  entry.map = std::string(as_text(map));
  entry.query = to_bytes(query);
  return {};
}

bool RemoteQueries::remove(uint64_t number) {
  const auto found = queries_.find(number);
  if (found == queries_.end()) return false;
  const bool was_asked = found->second.asked;
  queries_.erase(found);
  return was_asked;
}

void RemoteQueries::detach() {
  for (auto& [number, entry] : queries_) {
    if (!TG_MUTANT(76)) entry.asked = entry.answered = false;
    entry.gathers = false;
    entry.gathered.clear();
  }
}

void RemoteQueries::put(MessageWriter& out, uint64_t number, Entry& entry) {
  QueryMessage message;
  message.id = number;
  message.live = entry.live;
  message.known = entry.known;
  message.map = as_bytes(entry.map);
  message.query = entry.query;
  out.query(message);
  entry.asked = true;
}

void RemoteQueries::put_unasked(Bytes& frame) {
  MessageWriter out(frame);
  for (auto& [number, entry] : queries_) {
    if (!entry.asked) put(out, number, entry);
  }
}

void RemoteQueries::put_all(Bytes& frame) {
  detach();
  put_unasked(frame);
}

bool RemoteQueries::has_unasked() const {
  return std::any_of(queries_.begin(), queries_.end(),
                     [](const auto& each) { return !each.second.asked; });
}

Result<void> RemoteQueries::on_answer(ByteView payload) {
  const Result<AnswerMessage> answer = decode_answer(payload);
  if (!answer.ok()) return answer.error();
  const auto found = queries_.find(answer->query);
  if (found == queries_.end()) return {};  // Ended while it was on its way.
  Entry& entry = found->second;
  if (answer->first) {
    entry.gathers = true;
    entry.gathered.clear();
  }
  // The rest of an answer whose beginning belonged to a request that was given up.
  if (!entry.gathers) return {};
  if (entry.gathered.size() + answer->part.size() > kAnswerBytesMax) {
    fail(answer->query, static_cast<uint16_t>(Error::TooLarge), {});
    return {};
  }
  entry.gathered.insert(entry.gathered.end(), answer->part.begin(), answer->part.end());
  if (!answer->last) return {};
  entry.known = answer->known;
  entry.answered = true;
  entry.gathers = false;
  const Bytes whole = std::move(entry.gathered);
  entry.gathered = {};
  const uint64_t number = answer->query;
  if (!entry.live) queries_.erase(found);
  events_.push(Event::NodeAnswer, [&](ByteWriter& out) {
    out.varint(number);
    out.raw(whole);
  });
  return {};
}

Result<void> RemoteQueries::on_steps(ByteView payload) {
  const Result<StepsMessage> steps = decode_steps(payload);
  if (!steps.ok()) return steps.error();
  const auto found = queries_.find(steps->query);
  if (found == queries_.end()) return {};
  found->second.known = 0;
  events_.push(Event::NodeSteps, [&](ByteWriter& out) {
    out.varint(steps->query);
    out.raw(steps->steps);
  });
  return {};
}

Result<void> RemoteQueries::on_failed(ByteView payload) {
  const Result<QueryFailedMessage> failed = decode_query_failed(payload);
  if (!failed.ok()) return failed.error();
  if (queries_.count(failed->query) != 0) fail(failed->query, failed->error, failed->detail);
  return {};
}

void RemoteQueries::on_unknown_message() {
  std::vector<uint64_t> unanswered;
  for (const auto& [number, entry] : queries_) {
    if (entry.asked && !entry.answered) unanswered.push_back(number);
  }
  for (const uint64_t number : unanswered) {
    fail(number, static_cast<uint16_t>(Error::UnknownMessage), {});
  }
}

void RemoteQueries::fail(uint64_t number, uint16_t error, ByteView detail) {
  queries_.erase(number);
  events_.push(Event::NodeQueryFailed, [&](ByteWriter& out) {
    out.varint(number);
    out.u16(error);
    out.blob(detail);
  });
}

}  // namespace topgun::client
