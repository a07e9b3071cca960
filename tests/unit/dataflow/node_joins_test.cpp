// Goal: what a node joins and explains, for whom, and what it refuses. That answers are right is
// the business of tests/property/dataflow/node_joins_property.cpp.

#include <doctest/doctest.h>

#include "core/dataflow/node_queries.hpp"
#include "core/node/access_policy.hpp"
#include "tests/support/told_answer.hpp"
#include "tests/support/world.hpp"

namespace topgun::dataflow {
namespace {

using client::Command;
using client::Event;
using query::Query;

/// A token is the subject's name; who is called admin is one.
class Names final : public node::Authenticator {
 public:
  Result<node::Principal> verify(ByteView token, uint64_t) const override {
    std::string name(as_text(token));
    return node::Principal{name, {name}, 0};
  }
};

const std::vector<std::string> kMaps = {"orders", "people", "secrets"};

struct Shop {
  explicit Shop(World::Options options) : world(std::move(options)) {
    writer = &world.add_client();
    writer->set_token("admin");
    for (size_t i = 0; i < kMaps.size(); ++i) writer->open(i + 1, MapKind::Lww, kMaps[i]);
    writer->go_online();
    world.settle();
  }

  /// A record that is a map of two texts.
  void write(std::string_view map, std::string_view key, std::string_view name,
             std::string_view value, std::string_view filling = {}) {
    Bytes payload;
    ByteWriter out(payload);
    const auto at = std::find(kMaps.begin(), kMaps.end(), map);
    out.varint(static_cast<uint64_t>(at - kMaps.begin()) + 1);
    out.blob(as_bytes(key));
    out.varint(0);
    Bytes record;
    ValueWriter writer_of(record);
    writer_of.begin_map(filling.empty() ? 1 : 2);
    if (!filling.empty()) {
      writer_of.key("filling");
      writer_of.text(filling);
    }
    writer_of.key(name);
    writer_of.text(value);
    out.raw(record);
    REQUIRE(writer->command(Command::Set, payload).error == 0);
  }

  World::Client& asker(const std::string& token) {
    World::Client& client = world.add_client(false);
    client.set_token(token);
    client.go_online();
    world.settle();
    return client;
  }

  World world;
  World::Client* writer;
};

/// What one client hears of its questions.
class Ears {
 public:
  explicit Ears(World::Client& client) : client_(client) {}

  uint64_t ask(const Query& query, bool live = true, std::optional<uint8_t> wish = std::nullopt) {
    Bytes payload;
    ByteWriter out(payload);
    out.varint(++last_);
    out.u8(live ? 1 : 0);
    out.blob(as_bytes("orders"));
    if (wish) out.u8(*wish);
    out.raw(encode_query(query));
    REQUIRE(client_.command(Command::AskNode, payload).error == 0);
    told_[last_].query = query;
    return last_;
  }

  void end(uint64_t number) {
    Bytes payload;
    ByteWriter(payload).varint(number);
    REQUIRE(client_.command(Command::EndAsk, payload).error == 0);
  }

  /// Rows as `0o1 1ann ; ...`, groups as their number, or the error's name.
  std::string rows(uint64_t number) {
    hear();
    if (failed_.count(number) != 0) return failed_.at(number);
    const ToldAnswer& told = told_.at(number);
    if (!told.is_answered) return "nothing";
    std::string all;
    for (const auto& [keys, value] : told.rows) all += keys + "; ";
    return all;
  }

  ByteView plan(uint64_t number) {
    hear();
    return plans_[number];
  }

  size_t events() {
    const size_t heard = client_.query_events.size();
    hear();
    return heard;
  }

 private:
  static constexpr uint8_t kExplanation = 6;

  void hear() {
    for (const auto& [event, payload] : client_.query_events) {
      ByteReader in(payload);
      const uint64_t number = in.varint();
      ToldAnswer& told = told_.at(number);
      if (event == Event::NodeQueryFailed) {
        failed_[number] = error_name(static_cast<Error>(in.u16()));
      } else if (event == Event::NodeSteps) {
        told.take_steps(in);
      } else if (in.rest()[0] == kExplanation) {
        in.u8();
        plans_[number] = to_bytes(in.rest());
      } else {
        told.take_answer(in);
      }
    }
    client_.query_events.clear();
  }

  World::Client& client_;
  uint64_t last_ = 0;
  std::map<uint64_t, ToldAnswer> told_;
  std::map<uint64_t, std::string> failed_;
  std::map<uint64_t, Bytes> plans_;
};

Query join(query::JoinKind kind, const std::string& map = "people",
           query::Attribute right = query::record_key()) {
  Query query;
  query.joins.push_back({kind, map, {{query::field("buyer"), std::move(right)}}, {}});
  return query;
}

std::optional<int64_t> number_at(ByteView plan, std::vector<std::string_view> steps) {
  const auto value = ValueView(plan).at_path(steps);
  return value ? value->as_int() : std::nullopt;
}

std::string text_at(ByteView plan, std::vector<std::string_view> steps) {
  const auto value = ValueView(plan).at_path(steps);
  const auto text = value ? value->as_text() : std::nullopt;
  return std::string(text.value_or(""));
}

TEST_CASE("node joins: a join shows nothing of records that the asker may not see") {
  const Names names;
  const std::vector<std::string> texts{"admin:*:rw", "*:orders:r", "*:people:r(group={sub})"};
  const auto rules = node::RuleAccessPolicy::parse(texts);
  REQUIRE(rules.ok());
  for (const uint16_t shards : {1, 3}) {
    CAPTURE(shards);
    Shop shop({.shards = shards, .authenticator = &names, .access = &*rules});
    shop.write("people", "ann", "group", "red");
    shop.write("people", "bob", "group", "blue");
    shop.write("orders", "o1", "buyer", "ann");
    shop.write("orders", "o2", "buyer", "bob");
    shop.world.settle();
    Ears red(shop.asker("red"));
    const uint64_t inner = red.ask(join(query::JoinKind::Inner));
    const uint64_t left = red.ask(join(query::JoinKind::Left));
    const uint64_t semi = red.ask(join(query::JoinKind::Semi));
    const uint64_t anti = red.ask(join(query::JoinKind::Anti), false);
    shop.world.settle();
    CHECK(red.rows(inner) == "0o1 1ann ; ");
    CHECK(red.rows(left) == "0o1 1ann ; 0o2 ; ");
    CHECK(red.rows(semi) == "0o1 ; ");
    CHECK(red.rows(anti) == "0o2 ; ");
    // What happens to others is no news; who changes sides is.
    shop.write("people", "bob", "group", "green");
    shop.world.settle();
    CHECK(red.events() == 0);
    shop.write("people", "bob", "group", "red");
    shop.world.settle();
    CHECK(red.rows(inner) == "0o1 1ann ; 0o2 1bob ; ");
    CHECK(red.rows(left) == "0o1 1ann ; 0o2 1bob ; ");
    CHECK(red.rows(semi) == "0o1 ; 0o2 ; ");
    // A map of which nothing may be seen cannot be joined.
    const uint64_t forbidden = red.ask(join(query::JoinKind::Left, "secrets"));
    const uint64_t own = red.ask(join(query::JoinKind::Left, "$topgun.replicas"));
    shop.world.settle();
    CHECK(red.rows(forbidden) == "forbidden");
    CHECK(red.rows(own) == "forbidden");
  }
}

TEST_CASE("node joins: order, offset, limit and selection hold, and steps go on within them") {
  for (const uint16_t shards : {1, 4}) {
    CAPTURE(shards);
    Shop shop({.shards = shards});
    for (const char* key : {"ann", "bob"}) shop.write("people", key, "group", "red");
    for (int i = 0; i < 6; ++i) {
      shop.write("orders", "o" + std::to_string(i), "buyer", i % 2 == 0 ? "ann" : "bob");
    }
    shop.world.settle();
    Ears ears(shop.asker({}));
    Query page = join(query::JoinKind::Inner);
    page.order = {{query::field("buyer"), query::Direction::Descending}};
    page.limit = 2;
    const uint64_t first = ears.ask(page, false);
    page.offset = 4;
    page.select = {query::field("buyer")};
    const uint64_t last = ears.ask(page);
    shop.world.settle();
    CHECK(ears.rows(first) == "0o1 1bob ; 0o3 1bob ; ");
    CHECK(ears.rows(last) == "0o2 1ann ; 0o4 1ann ; ");
    shop.write("orders", "o0", "buyer", "bob");
    shop.world.settle();
    CHECK(ears.rows(last) == "0o2 1ann ; 0o4 1ann ; ");
    shop.write("orders", "o5", "buyer", "nobody");
    shop.world.settle();
    CHECK(ears.rows(last) == "0o4 1ann ; ");
  }
}

TEST_CASE("node joins: records that two live queries need are gathered once, and let go at last") {
  Shop shop({.shards = 2});
  shop.write("people", "ann", "group", "red");
  shop.write("orders", "o1", "buyer", "ann");
  shop.world.settle();
  Ears ears(shop.asker({}));
  const uint64_t before = shop.world.stats().query_bytes;
  const uint64_t all = ears.ask(join(query::JoinKind::Inner));
  Query top = join(query::JoinKind::Inner);
  top.limit = 1;
  const uint64_t one = ears.ask(top);
  shop.world.settle();
  CHECK(ears.rows(all) == "0o1 1ann ; ");
  CHECK(ears.rows(one) == "0o1 1ann ; ");
  CHECK(shop.world.stats().queries_live == 2);
  CHECK(shop.world.stats().query_bytes > before);
  ears.end(all);
  shop.world.settle();
  shop.write("orders", "o0", "buyer", "ann");
  shop.world.settle();
  CHECK(ears.rows(one) == "0o0 1ann ; ");
  ears.end(one);
  shop.world.settle();
  CHECK(shop.world.stats().queries_live == 0);
  // Asked anew, it is answered anew.
  const uint64_t again = ears.ask(join(query::JoinKind::Inner));
  shop.world.settle();
  CHECK(ears.rows(again) == "0o0 1ann ; 0o1 1ann ; ");
}

TEST_CASE("node joins: records beyond the limit are not gathered, and what needs them fails") {
  Shop shop({.shards = 2});
  const std::string large(400'000, 'x');
  shop.write("people", "ann", "group", "red");
  shop.write("orders", "o00", "buyer", "ann");
  shop.world.settle();
  Ears ears(shop.asker({}));
  Query counted = join(query::JoinKind::Inner);
  counted.aggregates = {{query::AggregateKind::Count, {}}};
  const uint64_t live = ears.ask(counted);
  Query narrow = counted;
  narrow.where = query::less_than(query::record_key(), [] {
    Bytes value;
    ValueWriter(value).text("o01");
    return value;
  }());
  const uint64_t of_few = ears.ask(narrow);
  shop.world.settle();
  CHECK(ears.rows(live) == "");
  for (int i = 0; i < 170; ++i) {
    shop.write("orders", "o" + std::to_string(10 + i), "buyer", "ann", large);
    shop.world.settle();
  }
  CHECK(ears.rows(live) == "too-large");
  CHECK(ears.rows(of_few) == "");
  const uint64_t once = ears.ask(counted, false);
  const uint64_t few = ears.ask(narrow, false);
  shop.world.settle();
  CHECK(ears.rows(once) == "too-large");
  CHECK(ears.rows(few) == "");
}

TEST_CASE("node joins: more combinations than a node makes are refused") {
  for (const uint16_t shards : {1, 2}) {
    CAPTURE(shards);
    Shop shop({.shards = shards});
    for (int i = 0; i < 1'100; ++i) {
      shop.write("people", "p" + std::to_string(i), "group", "red");
      shop.write("orders", "o" + std::to_string(i), "buyer", "red");
    }
    shop.world.settle();
    Ears ears(shop.asker({}));
    Query pairs = join(query::JoinKind::Inner, "people", query::field("group"));
    pairs.limit = 1;
    const uint64_t live = ears.ask(pairs);
    const uint64_t once = ears.ask(pairs, false);
    const uint64_t semi = ears.ask([] {
      Query query = join(query::JoinKind::Semi, "people", query::field("group"));
      query.limit = 1;
      return query;
    }());
    shop.world.settle();
    CHECK(ears.rows(live) == "limit-exceeded");
    CHECK(ears.rows(once) == "limit-exceeded");
    CHECK(ears.rows(semi) == "0o0 ; ");
  }
}

TEST_CASE("node joins: a live join that writes make too large is given up, and others go on") {
  Shop shop({.shards = 2});
  for (int i = 0; i < 900; ++i) {
    shop.write("orders", "o" + std::to_string(i), "buyer", "red");
  }
  for (int i = 0; i < 2'300; ++i) {
    shop.write("people", "p" + std::to_string(i), "group", i < 1'000 ? "red" : "blue");
  }
  shop.world.settle();
  Ears ears(shop.asker({}));
  Query pairs = join(query::JoinKind::Inner, "people", query::field("group"));
  pairs.limit = 1;
  const uint64_t live = ears.ask(pairs);
  const uint64_t other = ears.ask(join(query::JoinKind::Inner));
  shop.world.settle();
  CHECK(ears.rows(live) == "0o0 1p0 ; ");
  for (int i = 0; i < 870; ++i) {
    shop.write("orders", "o" + std::to_string(i), "buyer", "blue");
  }
  shop.world.settle();
  CHECK(ears.rows(live) == "0o0 1p1000 ; ");
  for (int i = 1'000; i < 2'300; ++i) {
    shop.write("orders", "more" + std::to_string(i), "buyer", "blue");
  }
  shop.world.settle();
  CHECK(ears.rows(live) == "limit-exceeded");
  CHECK(ears.rows(other) == "");
  shop.write("people", "blue", "group", "none");
  shop.write("orders", "o0", "buyer", "blue");
  shop.world.settle();
  CHECK(ears.rows(other).starts_with("0more1000 1blue ; "));
}

TEST_CASE("node queries: explain tells each shard's plan, and what goes between them") {
  constexpr uint8_t kPlan = 254;
  constexpr uint8_t kAnalyze = 255;
  Shop shop({.shards = 3});
  shop.write("people", "ann", "group", "red");
  for (int i = 0; i < 12; ++i) shop.write("orders", "o" + std::to_string(i), "buyer", "ann");
  shop.world.settle();
  Ears ears(shop.asker({}));
  const uint64_t plan = ears.ask({}, false, kPlan);
  Query top;
  top.limit = 1;
  const uint64_t actual = ears.ask(top, false, kAnalyze);
  const uint64_t joined = ears.ask(join(query::JoinKind::Inner), false, kAnalyze);
  Query by_key;
  Bytes key;
  ValueWriter(key).text("o3");
  by_key.where = query::equal_to(query::record_key(), key);
  const uint64_t pruned = ears.ask(by_key, false, kPlan);
  shop.world.settle();
  CHECK(text_at(ears.plan(plan), {"access"}) == "node");
  CHECK(number_at(ears.plan(plan), {"rows"}) == 12);
  CHECK(number_at(ears.plan(plan), {"network", "messages"}) == 6);
  const auto shards_of = [&](uint64_t number, size_t side) {
    const std::string_view path[] = {"sides"};
    const auto sides = ValueView(ears.plan(number)).at_path(path);
    const std::string_view inner[] = {"shards"};
    return sides->at(side)->at_path(inner)->size();
  };
  CHECK(shards_of(plan, 0) == 3);
  CHECK(shards_of(pruned, 0) == 1);
  // Of each shard at most the one row that may be the first.
  CHECK(number_at(ears.plan(actual), {"network", "rows"}).value_or(9) <= 3);
  CHECK(text_at(ears.plan(joined), {"join", "access"}) == "join");
  CHECK(number_at(ears.plan(joined), {"join", "actual", "rows"}) == 12);
  CHECK(shards_of(joined, 1) == 3);
  // The same question gets the same tree.
  const uint64_t again = ears.ask(join(query::JoinKind::Inner), false, kAnalyze);
  const uint64_t live = ears.ask({}, true, kPlan);
  shop.world.settle();
  CHECK(Bytes(to_bytes(ears.plan(again))) == to_bytes(ears.plan(joined)));
  CHECK(ears.rows(live) == "invalid-argument");
}

TEST_CASE("node queries: a partition key leaves one shard to ask, also of what is joined by it") {
  World::Options options;
  options.shards = 4;
  options.partition_keys = {{"orders", {"tenant"}, '/'}, {"people", {"tenant"}, '/'}};
  Shop shop(options);
  for (const char* tenant : {"red", "blue", "gold"}) {
    const std::string begin = std::string(tenant) + "/";
    shop.write("people", begin + "ann", "tenant", tenant);
    for (int i = 0; i < 3; ++i) {
      shop.write("orders", begin + std::to_string(i), "tenant", tenant);
    }
  }
  shop.world.settle();
  Ears ears(shop.asker({}));
  Bytes red;
  ValueWriter(red).text("red");
  Query of_red;
  of_red.where = query::equal_to(query::field("tenant"), red);
  Query joined = of_red;
  query::Join people;
  people.map = "people";
  people.on.push_back({query::field("tenant"), query::field("tenant")});
  joined.joins.push_back(people);
  const uint64_t alone = ears.ask(of_red, false, 255);
  const uint64_t together = ears.ask(joined, false, 255);
  const uint64_t all = ears.ask({}, false, 254);
  shop.world.settle();
  const auto side = [&](uint64_t number, std::string_view what) {
    const std::string_view path[] = {"sides", "0", what};
    return ValueView(ears.plan(number)).at_path(path);
  };
  CHECK(side(alone, "partitions")->size() == 1);
  CHECK(side(alone, "partitions")->at(0)->as_int() == partition_of(as_bytes("red")).value);
  CHECK(side(alone, "shards")->size() == 1);
  CHECK(number_at(ears.plan(alone), {"network", "rows"}) == 3);
  CHECK(side(all, "partitions")->is_nil());
  CHECK(side(all, "shards")->size() == 4);
  // Joined where the records are: nothing is gathered.
  CHECK(number_at(ears.plan(together), {"network", "messages"}) == 2);
  CHECK(text_at(ears.plan(together), {"join", "access"}).empty());
}

TEST_CASE("node queries: plans are told to those who may see the maps whole") {
  const Names names;
  const std::vector<std::string> texts{"admin:*:rw", "*:orders:r", "*:people:r(group={sub})"};
  const auto rules = node::RuleAccessPolicy::parse(texts);
  REQUIRE(rules.ok());
  Shop shop({.shards = 2, .authenticator = &names, .access = &*rules});
  Ears red(shop.asker("red"));
  const uint64_t own = red.ask({}, false, 254);
  const uint64_t joined = red.ask(join(query::JoinKind::Inner), false, 254);
  shop.world.settle();
  CHECK_FALSE(red.plan(own).empty());
  CHECK(red.rows(joined) == "forbidden");
}

}  // namespace
}  // namespace topgun::dataflow
