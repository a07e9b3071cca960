#include "core/base/probe.hpp"
#include "core/node/home.hpp"

namespace topgun::node {

// Queries of sessions: who may ask, how many, and how their answers travel. What a query means is
// known behind the port (query_port.hpp).

ReadAccess Home::read_access(const Session& session, std::string_view map) const {
  if (is_reserved_map(map)) return {};
  const AccessPolicy* access = context_.options.access;
  return access == nullptr ? ReadAccess{true, {}} : access->read_access(*session.principal, map);
}

/// Nothing if there is a map among them of which nothing may be seen.
std::vector<ReadAccess> Home::read_access_to_all(const Session& session,
                                                 const std::vector<std::string>& maps) const {
  std::vector<ReadAccess> all;
  for (const std::string& map : maps) {
    all.push_back(read_access(session, map));
    if (all.back().nothing()) return {};
  }
  return all;
}

void Home::fail_query(Session& session, uint64_t id, Error error, std::string_view detail) {
  session.queries.erase(id);
  if (session.exchange != nullptr) session.exchange->has_news = true;
  MessageWriter(output(session))
      .query_failed({id, static_cast<uint16_t>(error),
                     as_bytes(detail.empty() ? error_name(error) : detail)});
  touch(session);
}

Result<void> Home::on_query(Session& session, ByteView payload) {
  const Result<QueryMessage> message = decode_query_message(payload);
  if (!message.ok()) return message.error();
  const uint64_t id = message->id;
  ++context_.stats.queries_asked;
  const auto known = session.queries.find(id);
  if (known != session.queries.end()) return Error::Malformed;
  if (queries_ == nullptr) {
    fail_query(session, id, Error::UnknownMessage, "this node answers no queries");
    return {};
  }
  if (session.queries.size() >= context_.options.limits.queries_max) {
    fail_query(session, id, Error::LimitExceeded, "too many queries at once");
    return {};
  }
  std::vector<std::string> maps = queries_->joined_maps(message->query);
  maps.emplace(maps.begin(), as_text(message->map));
  std::vector<ReadAccess> access = read_access_to_all(session, maps);
  if (access.empty()) {
    fail_query(session, id, Error::Forbidden, {});
    return {};
  }
  SessionQuery& query = session.queries[id];
  query.live = message->live;
  query.known = message->known;
  query.maps = std::move(maps);
  query.query = to_bytes(message->query);
  query.access = std::move(access);
  // A failure within the call forgets the query.
  const std::vector<ReadAccess> lent = query.access;
  queries_->open({session.connection, id}, message->map, message->query, message->live, lent);
  return {};
}

Result<void> Home::on_end_query(Session& session, ByteView payload) {
  const Result<uint64_t> id = decode_end_query(payload);
  if (!id.ok()) return id.error();
  // It may have been answered, or failed, while this was on its way.
  if (session.queries.erase(*id) > 0) queries_->close({session.connection, *id});
  return {};
}

void Home::close_queries(Session& session) {
  TG_SOMETIMES(!session.queries.empty() && session.exchange == nullptr, NodeQueryIsCut);
  for (const auto& [id, query] : session.queries) queries_->close({session.connection, id});
  session.queries.clear();
}

void Home::review_queries(Session& session) {
  std::vector<uint64_t> ids;
  for (const auto& [id, query] : session.queries) ids.push_back(id);
  for (const uint64_t id : ids) {
    SessionQuery& query = session.queries.at(id);
    std::vector<ReadAccess> access = read_access_to_all(session, query.maps);
    if (access == query.access) continue;
    queries_->close({session.connection, id});
    if (access.empty()) {
      fail_query(session, id, Error::Forbidden, {});
      continue;
    }
    // Asks anew; the answer replaces the one before.
    query.access = std::move(access);
    query.lagging = false;
    // A failure within the call forgets the query.
    const SessionQuery asked = query;
    queries_->open({session.connection, id}, as_bytes(asked.maps[0]), asked.query, asked.live,
                   asked.access);
  }
}

void Home::send_answer(Session& session, uint64_t id, ByteView answer, uint64_t known) {
  bool first = true;
  do {
    const size_t size = std::min(answer.size(), kAnswerPartBytes);
    AnswerMessage message;
    message.query = id;
    message.first = first;
    message.last = size == answer.size();
    message.known = known;
    message.part = answer.first(size);
    Bytes& out = output(session);
    const size_t before = out.size();
    MessageWriter(out).answer(message);
    session.unacknowledged_bytes += out.size() - before;
    answer = answer.subspan(size);
    first = false;
  } while (!answer.empty());
}

void Home::answered(QueryTarget target, ByteView answer) {
  Session* session = find(target.connection);
  if (session == nullptr) return;
  const auto found = session->queries.find(target.query);
  if (found == session->queries.end()) return;
  SessionQuery& query = found->second;
  // Zero says that nothing is known.
  const uint64_t known = std::max<uint64_t>(hash64(answer), 1);
  const bool is_known =
      session->exchange != nullptr && (query.known == known || (TG_MUTANT(80) && query.known != 0));
  TG_SOMETIMES(session->exchange != nullptr, NodeAnswersRequest);
  query.answered = true;
  query.lagging = !is_known && !has_credit(*session);
  if (!is_known && session->exchange != nullptr) session->exchange->has_news = true;
  // Without credit a request says no more, and the next one asks again; a connection gets it later.
  if (!is_known && !query.lagging) send_answer(*session, target.query, answer, known);
  if (!query.live && !query.lagging) session->queries.erase(found);
  touch(*session);
}

void Home::changed(QueryTarget target, ByteView steps) {
  Session* session = find(target.connection);
  if (session == nullptr) return;
  const auto found = session->queries.find(target.query);
  if (found == session->queries.end() || found->second.lagging) return;
  SessionQuery& query = found->second;
  // One answer has no steps before it: it brings what there is then, once.
  const bool is_request = session->exchange != nullptr && !session->exchange->is_stream;
  // Only answers are cut into parts.
  const bool is_too_long = steps.size() > context_.options.limits.frame_bytes_max / 2;
  if (is_request || is_too_long) {
    query.lagging = true;
    return queries_->repeat(target);
  }
  if (!has_credit(*session)) {
    TG_SOMETIMES(true, NodeQueryLags);
    query.lagging = !TG_MUTANT(77);
    return;
  }
  if (session->exchange != nullptr) session->exchange->has_news = true;
  Bytes& out = output(*session);
  const size_t before = out.size();
  MessageWriter(out).steps({target.query, steps});
  session->unacknowledged_bytes += out.size() - before;
  touch(*session);
}

void Home::failed(QueryTarget target, Error error, std::string_view detail) {
  Session* session = find(target.connection);
  if (session == nullptr || session->queries.count(target.query) == 0) return;
  fail_query(*session, target.query, error, detail);
}

void Home::resume_queries(Session& session) {
  std::vector<uint64_t> lagging;
  for (const auto& [id, query] : session.queries) {
    if (query.lagging) lagging.push_back(id);
  }
  for (const uint64_t id : lagging) {
    if (!has_credit(session)) return;
    const SessionQuery& query = session.queries.at(id);
    if (query.live) {
      queries_->repeat({session.connection, id});
      continue;
    }
    // Nobody kept its answer.
    const SessionQuery asked = query;
    session.queries.at(id).lagging = false;
    queries_->open({session.connection, id}, as_bytes(asked.maps[0]), asked.query, false,
                   asked.access);
  }
}

}  // namespace topgun::node
