// Goal: what a node answers, to whom, and what it refuses. That answers are right is the business
// of tests/property/dataflow/node_queries_property.cpp.

#include "core/dataflow/node_queries.hpp"

#include <doctest/doctest.h>

#include "core/node/access_policy.hpp"
#include "core/query/index_text.hpp"
#include "core/value/value_writer.hpp"
#include "tests/support/world.hpp"

namespace topgun::dataflow {
namespace {

using client::Command;
using client::Event;
using query::Query;

constexpr uint64_t kMap = 1;

Bytes text_value(std::string_view text) {
  Bytes value;
  ValueWriter(value).text(text);
  return value;
}

/// Records that are maps of one field, and whose it is.
void write(World::Client& client, const std::string& key, std::string_view owner,
           uint64_t ttl_ms = 0) {
  Bytes payload;
  ByteWriter out(payload);
  out.varint(kMap);
  out.blob(as_bytes(key));
  out.varint(ttl_ms);
  Bytes value;
  ValueWriter writer(value);
  writer.begin_map(1);
  writer.key("owner");
  writer.text(owner);
  out.raw(value);
  REQUIRE(client.command(Command::Set, payload).error == 0);
}

void ask(World::Client& client, uint64_t number, const Query& query, bool live = true,
         std::string_view map = "m") {
  Bytes payload;
  ByteWriter out(payload);
  out.varint(number);
  out.u8(live ? 1 : 0);
  out.blob(as_bytes(map));
  out.raw(encode_query(query));
  REQUIRE(client.command(Command::AskNode, payload).error == 0);
}

/// What was said of a query last: `answer k1 k2`, `2 steps`, `failed forbidden`; empty if nothing.
std::string heard(World::Client& client, uint64_t number) {
  std::string last;
  for (const auto& [event, payload] : client.query_events) {
    ByteReader in(payload);
    if (in.varint() != number) continue;
    if (event == Event::NodeQueryFailed) {
      last = "failed " + std::string(error_name(static_cast<Error>(in.u16())));
    } else if (event == Event::NodeSteps) {
      last = std::to_string(in.varint()) + " steps";
    } else {
      last = "answer";
      const bool is_grouped = in.u8() == 1;
      for (uint64_t rows = in.varint(); rows > 0; --rows) {
        const ByteView key = in.blob(SIZE_MAX);
        const ByteView value = in.blob(SIZE_MAX);
        last += " ";
        last += is_grouped ? std::to_string(ValueView(value).at(0)->as_double().value_or(-1))
                           : std::string(as_text(key));
      }
    }
  }
  client.query_events.clear();
  return last;
}

/// A token is the subject's name.
class Names final : public node::Authenticator {
 public:
  Result<node::Principal> verify(ByteView token, uint64_t) const override {
    // `ann+admin` is Ann with a role.
    const std::string_view text = as_text(token);
    const size_t plus = text.find('+');
    node::Principal principal{std::string(text.substr(0, plus)), {}, 0};
    if (plus != text.npos) principal.roles.emplace_back(text.substr(plus + 1));
    return principal;
  }
};

struct Shop {
  explicit Shop(World::Options options) : world(std::move(options)) {
    writer = &world.add_client();
    writer->set_token("writer+admin");
    writer->open(kMap, MapKind::Lww, "m");
    writer->go_online();
    world.settle();
  }

  World::Client& asker(const std::string& token = {}) {
    World::Client& client = world.add_client(false);
    client.set_token(token);
    client.go_online();
    world.settle();
    return client;
  }

  World world;
  World::Client* writer;
};

Query count_all() {
  Query query;
  query.aggregates = {{query::AggregateKind::Count, {}}};
  return query;
}

TEST_CASE("node queries: a record whose time has passed leaves the answers") {
  Shop shop({.shards = 2});
  World::Client& asker = shop.asker();
  write(*shop.writer, "a", "ann");
  write(*shop.writer, "b", "ann", 5'000);
  shop.world.settle();
  ask(asker, 1, {});
  ask(asker, 2, count_all());
  shop.world.settle();
  CHECK(heard(asker, 1) == "answer a b");
  ask(asker, 3, {});
  shop.world.settle();
  // Kept alive once more, it goes later.
  write(*shop.writer, "b", "ann", 8'000);
  shop.world.settle();
  shop.world.advance(5'500);
  shop.world.settle();
  asker.query_events.clear();
  shop.world.advance(3'000);
  shop.world.settle();
  CHECK(heard(asker, 3) == "1 steps");
  ask(asker, 4, {}, false);
  ask(asker, 5, count_all(), false);
  shop.world.settle();
  const auto events = asker.query_events;
  CHECK(heard(asker, 4) == "answer a");
  asker.query_events = events;
  CHECK(heard(asker, 5) == "answer 1.000000");
}

TEST_CASE("node queries: rules let a principal see some records, and no trace of others") {
  const Names names;
  const std::vector<std::string> texts{"admin:m:rw", "*:m:r(owner={sub})", "*:open:rw"};
  const auto rules = node::RuleAccessPolicy::parse(texts);
  REQUIRE(rules.ok());
  Shop shop({.shards = 3, .authenticator = &names, .access = &*rules});
  for (const char* key : {"a", "b", "c", "d"}) write(*shop.writer, key, "ann");
  for (const char* key : {"e", "f"}) write(*shop.writer, key, "bob");
  shop.world.settle();
  World::Client& bob = shop.asker("bob");
  ask(bob, 1, {});
  shop.world.settle();
  CHECK(heard(bob, 1) == "answer e f");
  ask(bob, 2, count_all());
  shop.world.settle();
  CHECK(heard(bob, 2) == "answer 2.000000");
  // What happens to others' records is no news; what becomes his is.
  write(*shop.writer, "a", "carl");
  shop.world.settle();
  CHECK(bob.query_events.empty());
  write(*shop.writer, "a", "bob");
  shop.world.settle();
  CHECK(heard(bob, 1) == "1 steps");
  // As a whole the map is not his to follow.
  bob.open(7, MapKind::Lww, "m");
  shop.world.settle();
  CHECK(bob.errors == std::vector<Error>{Error::Forbidden});
  CHECK(bob.entries(7).empty());
  World::Client& nobody = shop.asker();
  ask(nobody, 1, {});
  shop.world.settle();
  CHECK(heard(nobody, 1) == "failed forbidden");
  // Another right, another answer.
  bob.query_events.clear();
  bob.set_token("bob+admin");
  shop.world.settle();
  CHECK(heard(bob, 1) == "answer a b c d e f");
}

TEST_CASE("node queries: maps of the node's own are nobody's to ask") {
  Shop shop({});
  World::Client& asker = shop.asker();
  ask(asker, 1, {}, false, "$topgun.replicas");
  shop.world.settle();
  CHECK(heard(asker, 1) == "failed forbidden");
}

TEST_CASE("node queries: cursors of live queries and bytes that are none are refused") {
  Shop shop({});
  World::Client& asker = shop.asker();
  Query behind;
  behind.order.push_back({query::field("a"), query::Direction::Ascending});
  behind.after = {1, 2};
  ask(asker, 1, behind);
  shop.world.settle();
  CHECK(heard(asker, 1) == "failed invalid-argument");
  Bytes payload;
  ByteWriter out(payload);
  out.varint(3);
  out.u8(1);
  out.blob(as_bytes("m"));
  out.raw(Bytes{1, 2, 3});
  REQUIRE(asker.command(Command::AskNode, payload).error == 0);
  shop.world.settle();
  CHECK(heard(asker, 3).starts_with("failed"));
  ask(asker, 4, {});
  shop.world.settle();
  CHECK(heard(asker, 4) == "answer");
}

TEST_CASE("node queries: a condition too long for shards to tell each other is refused") {
  Shop shop({.shards = 2});
  World::Client& asker = shop.asker();
  // Says as much with a negation in front of each test, which is twice as long.
  std::vector<query::Predicate> parts;
  for (int i = 0; i < 1'000; ++i) {
    parts.push_back(query::is_missing(query::field("f" + std::to_string(i))));
  }
  Query query;
  query.where = query::negation(query::all_of(std::move(parts)));
  ask(asker, 1, query);
  shop.world.settle();
  CHECK(heard(asker, 1) == "failed too-large");
  ask(asker, 2, {});
  shop.world.settle();
  CHECK(heard(asker, 2) == "answer");
}

TEST_CASE("node queries: a connection has a limit of them, which ending one gives back") {
  World::Options options;
  options.limits.queries_max = 2;
  Shop shop(options);
  World::Client& asker = shop.asker();
  for (uint64_t number = 1; number <= 3; ++number) ask(asker, number, {});
  shop.world.settle();
  CHECK(heard(asker, 3) == "failed limit-exceeded");
  Bytes payload;
  ByteWriter(payload).varint(1);
  REQUIRE(asker.command(Command::EndAsk, payload).error == 0);
  ask(asker, 4, {});
  shop.world.settle();
  CHECK(heard(asker, 4) == "answer");
  CHECK(shop.world.stats().queries_live == 2);
  asker.cut();
  shop.world.advance(1'000);
  shop.world.settle();
  CHECK(heard(asker, 4) == "answer");
}

TEST_CASE("node queries: an answer beyond the limit is refused, and a page of it is not") {
  Shop shop({});
  World::Client& asker = shop.asker();
  ask(asker, 1, {});
  shop.world.settle();
  CHECK(heard(asker, 1) == "answer");
  const std::string large(400'000, 'x');
  for (int i = 0; i < 50; ++i) {
    write(*shop.writer, "k" + std::to_string(10 + i), large);
    shop.world.settle();
  }
  CHECK(heard(asker, 1) == "failed too-large");
  ask(asker, 2, {}, false);
  Query page;
  page.limit = 2;
  ask(asker, 3, page, false);
  shop.world.settle();
  const auto events = asker.query_events;
  CHECK(heard(asker, 2) == "failed too-large");
  asker.query_events = events;
  CHECK(heard(asker, 3) == "answer k10 k11");
}

TEST_CASE("node queries: a request whose answer is known is answered without it") {
  Shop shop({});
  write(*shop.writer, "a", "ann");
  shop.world.settle();
  World::Client& asker = shop.world.add_client(false);
  asker.use_exchanges(true);
  asker.set_polling(0, 100, 100);
  ask(asker, 1, {});
  asker.go_online();
  shop.world.settle();
  CHECK(heard(asker, 1) == "answer a");
  const size_t with_answer = asker.answer_bytes;
  const uint64_t requests = asker.requests;
  shop.world.advance(200);
  shop.world.settle();
  CHECK(asker.requests == requests + 1);
  CHECK(asker.query_events.empty());
  CHECK(asker.answer_bytes < with_answer);
  write(*shop.writer, "b", "ann");
  shop.world.settle();
  shop.world.advance(200);
  shop.world.settle();
  CHECK(heard(asker, 1) == "answer a b");
}

TEST_CASE("node queries: indexes that the node declares are there for the first query") {
  const Result<query::IndexDefinition> by_owner = query::index_from_text("owner");
  REQUIRE(by_owner.ok());
  World::Options options;
  options.shards = 2;
  options.indexes.push_back({"m", {}});
  ByteWriter out(options.indexes[0].definition);
  query::write_index_definition(out, *by_owner);
  Shop shop(options);
  for (const char* key : {"a", "b", "c"}) write(*shop.writer, key, "ann");
  write(*shop.writer, "d", "bob");
  shop.world.settle();
  World::Client& asker = shop.asker();
  Query query;
  query.where = query::equal_to(query::field("owner"), text_value("bob"));
  query.hints.use_index = "owner";
  ask(asker, 1, query);
  shop.world.settle();
  CHECK(heard(asker, 1) == "answer d");
  ask(asker, 2, query, false, "other");
  shop.world.settle();
  CHECK(heard(asker, 2) == "failed hint-impossible");
}

TEST_CASE(
    "node queries: a map with more indexes than it can have is not answered, and harms nobody") {
  World::Options options;
  for (size_t i = 0; i <= query::Collection::kIndexesMax; ++i) {
    const auto index = query::index_from_text("f" + std::to_string(i));
    REQUIRE(index.ok());
    ByteWriter out(options.indexes.emplace_back(node::NodeIndex{"m", {}}).definition);
    query::write_index_definition(out, *index);
  }
  Shop shop(options);
  write(*shop.writer, "a", "ann");
  shop.world.settle();
  World::Client& asker = shop.asker();
  for (uint64_t number = 1; number <= 2; ++number) {
    ask(asker, number, {});
    shop.world.settle();
    CHECK(heard(asker, number) == "failed limit-exceeded");
    (void)shop.world.stats();
  }
  ask(asker, 3, {}, true, "other");
  shop.world.settle();
  CHECK(heard(asker, 3) == "answer");
}

TEST_CASE("node queries: a condition on keys asks the shards that can hold them, and no others") {
  Shop shop({.shards = 4});
  write(*shop.writer, "a", "ann");
  shop.world.settle();
  World::Client& asker = shop.asker();
  Query by_key;
  by_key.where = query::equal_to(query::record_key(), text_value("a"));
  ask(asker, 1, by_key);
  shop.world.settle();
  CHECK(heard(asker, 1) == "answer a");
  // Each owner that follows a map for a query holds rows of it.
  const uint64_t bytes_of_one = shop.world.stats().query_bytes;
  Query impossible;
  impossible.where = query::equal_to(query::record_key(), Bytes{0x07});
  ask(asker, 2, impossible);
  shop.world.settle();
  CHECK(heard(asker, 2) == "answer");
  ask(asker, 3, {});
  shop.world.settle();
  CHECK(heard(asker, 3) == "answer a");
  CHECK(shop.world.stats().query_bytes > bytes_of_one);
}

}  // namespace
}  // namespace topgun::dataflow
