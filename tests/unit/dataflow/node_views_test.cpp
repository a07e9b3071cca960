// Goal: who may ask views of the node, who may not write to them, how they come to be in the
// background, and which are refused. That they are right is the business of
// tests/property/dataflow/node_views_property.cpp.

#include "core/dataflow/node_views.hpp"

#include <doctest/doctest.h>

#include "core/dataflow/node_queries.hpp"
#include "core/node/access_policy.hpp"
#include "core/query/index_text.hpp"
#include "core/value/value_writer.hpp"
#include "tests/support/world.hpp"

namespace topgun::dataflow {
namespace {

using client::Command;
using client::Event;
using node::NodeView;
using query::Query;

constexpr uint64_t kMap = 1;

NodeView view_of(std::string name, std::string map, const Query& query,
                 std::vector<std::string> fields = {}) {
  return {std::move(name), std::move(map), query::encode_query(query), std::move(fields)};
}

NodeView count_by_owner() {
  Query query;
  query.group_by = {query::field("owner")};
  query.aggregates = {{query::AggregateKind::Count, {}}};
  return view_of("by owner", "m", query, {"owner", "n"});
}

void write(World::Client& client, uint64_t map, const std::string& key, std::string_view owner) {
  Bytes payload;
  ByteWriter out(payload);
  out.varint(map);
  out.blob(as_bytes(key));
  out.varint(0);
  Bytes value;
  ValueWriter writer(value);
  writer.begin_map(1);
  writer.key("owner");
  writer.text(owner);
  out.raw(value);
  REQUIRE(client.command(Command::Set, payload).error == 0);
}

void ask(World::Client& client, uint64_t number, std::string_view map, const Query& query = {}) {
  Bytes payload;
  ByteWriter out(payload);
  out.varint(number);
  out.u8(1);
  out.blob(as_bytes(map));
  out.raw(encode_query(query));
  REQUIRE(client.command(Command::AskNode, payload).error == 0);
}

/// The last answer: `owner=n` of each record, or `failed ...`.
std::string heard(World::Client& client, uint64_t number) {
  std::string last;
  for (const auto& [event, payload] : client.query_events) {
    ByteReader in(payload);
    if (in.varint() != number) continue;
    if (event == Event::NodeQueryFailed) {
      last = "failed " + std::string(error_name(static_cast<Error>(in.u16())));
    }
    if (event != Event::NodeAnswer) continue;
    last = "answer";
    in.u8();
    for (uint64_t rows = in.varint(); rows > 0; --rows) {
      in.blob(SIZE_MAX);
      const ByteView value = in.blob(SIZE_MAX);
      const std::string_view owner[] = {"owner"};
      const std::string_view n[] = {"n"};
      last += " " + std::string(*ValueView(value).at_path(owner)->as_text()) + "=";
      last += std::to_string(static_cast<int>(*ValueView(value).at_path(n)->as_double()));
    }
  }
  client.query_events.clear();
  return last;
}

/// A token is a role.
class Roles final : public node::Authenticator {
 public:
  Result<node::Principal> verify(ByteView token, uint64_t) const override {
    return node::Principal{"ann", {std::string(as_text(token))}, 0};
  }
};

TEST_CASE("node views: rights are those of the view's name, whole or in part") {
  const std::vector<std::string> rules = {"writer:*:rw", "all:by owner:r",
                                          "own:by owner:r(owner={sub})", "none:m:r"};
  auto policy = node::RuleAccessPolicy::parse(rules);
  REQUIRE(policy.ok());
  const Roles roles;
  World::Options options;
  options.shards = 3;
  options.authenticator = &roles;
  options.access = &*policy;
  options.views = {count_by_owner()};
  World world(options);
  World::Client& writer = world.add_client();
  writer.set_token("writer");
  writer.open(kMap, MapKind::Lww, "m");
  writer.go_online();
  for (int i = 0; i < 9; ++i) write(writer, kMap, std::to_string(i), i % 3 == 0 ? "ann" : "bob");
  world.settle();
  const auto answer = [&](const char* role) {
    World::Client& client = world.add_client(false);
    client.set_token(role);
    client.go_online();
    world.settle();
    ask(client, 1, "by owner");
    world.settle();
    return heard(client, 1);
  };
  CHECK(answer("all") == "answer ann=3 bob=6");
  CHECK(answer("own") == "answer ann=3");
  CHECK(answer("none") == "failed forbidden");
}

TEST_CASE("node views: nobody writes to one or follows it as a map") {
  World::Options options;
  options.views = {count_by_owner()};
  World world(options);
  World::Client& writer = world.add_client();
  writer.open(kMap, MapKind::Lww, "by owner");
  writer.go_online();
  world.settle();
  write(writer, kMap, "x", "ann");
  world.settle();
  World::Client& asker = world.add_client(false);
  asker.go_online();
  world.settle();
  ask(asker, 1, "by owner");
  world.settle();
  CHECK(heard(asker, 1) == "answer");
}

TEST_CASE("node views: maps are taken in a piece at a time, and what is asked meanwhile waits") {
  World::Options options;
  options.shards = 2;
  options.views = {count_by_owner()};
  World world(options);
  World::Client& writer = world.add_client();
  writer.open(kMap, MapKind::Lww, "m");
  writer.go_online();
  const int many = static_cast<int>(node::ShardLimits().taken_per_tick) * 5;
  for (int i = 0; i < many; ++i) write(writer, kMap, std::to_string(i), "ann");
  world.settle();
  world.crash_node();
  World::Client& asker = world.add_client(false);
  asker.go_online();
  for (int i = 0; i < 40; ++i) {
    world.advance(10);
    world.settle();
    if (i == 0) ask(asker, 1, "by owner");
    // It is no longer what it was while it is being made.
    if (i == 1) write(writer, kMap, "new", "ann");
  }
  CHECK(heard(asker, 1).substr(0, 11) == "answer ann=");
  ask(asker, 2, "by owner");
  world.settle();
  CHECK(heard(asker, 2) == "answer ann=" + std::to_string(many + 1));
}

TEST_CASE("node views: a join that needs too much is given up, with what looks at it") {
  Query join;
  query::Join other;
  other.map = "n";
  other.on = {{query::field("owner"), query::record_key()}};
  join.joins = {other};
  join.select = {query::record_key()};
  Query count;
  count.aggregates = {{query::AggregateKind::Count, {}}};
  World::Options options;
  options.shards = 3;
  options.has_log = false;
  options.views = {view_of("joined", "m", join, {"n"}), view_of("some", "joined", {}),
                   view_of("counted", "some", count, {"n"})};
  World world(options);
  World::Client& writer = world.add_client();
  writer.open(kMap, MapKind::Lww, "m");
  writer.go_online();
  world.settle();
  const std::string long_name(400'000, 'a');
  const size_t few = NodeQueries::kGatheredBytesMax / long_name.size() - 2;
  World::Client& asker = world.add_client(false);
  asker.go_online();
  ask(asker, 1, "joined");
  for (size_t i = 0; i < few; ++i) {
    write(writer, kMap, std::to_string(i), long_name);
    if (i % 16 == 0) world.settle();
  }
  world.settle();
  CHECK(heard(asker, 1) == "answer");
  for (size_t i = few; i < few + 8; ++i) write(writer, kMap, std::to_string(i), long_name);
  world.settle();
  CHECK(heard(asker, 1) == "failed too-large");
  for (const char* view : {"joined", "some", "counted"}) {
    ask(asker, 2, view);
    world.settle();
    CHECK(heard(asker, 2) == "failed too-large");
  }
  ask(asker, 3, "m", count);
  world.settle();
  write(writer, kMap, "0", "bob");
  world.settle();
}

TEST_CASE("node views: an index of the configuration is the view's") {
  const auto index = query::index_from_text("n");
  REQUIRE(index.ok());
  World::Options options;
  options.shards = 2;
  options.views = {count_by_owner()};
  options.indexes.push_back({"by owner", {}});
  ByteWriter out(options.indexes[0].definition);
  query::write_index_definition(out, *index);
  World world(options);
  World::Client& asker = world.add_client(false);
  asker.go_online();
  world.settle();
  Query query;
  query.order = {{query::field("n"), query::Direction::Ascending}};
  query.limit = 1;
  query.hints.order_index = "n";
  ask(asker, 1, "by owner", query);
  query.hints.order_index = "m";
  ask(asker, 2, "by owner", query);
  world.settle();
  const auto events = asker.query_events;
  CHECK(heard(asker, 1) == "answer");
  asker.query_events = events;
  CHECK(heard(asker, 2).substr(0, 6) == "failed");
}

TEST_CASE("node views: definitions that cannot be kept are told apart") {
  const auto problem = [](std::vector<NodeView> views) {
    const auto found = check_views(views);
    return found ? std::to_string(found->view) + " " + found->text : std::string();
  };
  CHECK(problem({count_by_owner()}).empty());
  CHECK(problem({count_by_owner(), count_by_owner()}).starts_with("1 "));
  CHECK(problem({view_of("v", "v", {})}).starts_with("0 "));
  CHECK(problem({view_of("$topgun.v", "m", {})}).starts_with("0 "));
  CHECK(problem({view_of("v", "$topgun.m", {})}).starts_with("0 "));
  // A view that looks at a later one.
  CHECK(problem({view_of("v", "by owner", {}), count_by_owner()}).starts_with("1 "));
  CHECK(problem({NodeView{"v", "m", to_bytes(as_bytes("?")), {}}}).starts_with("0 "));
  NodeView unnamed = count_by_owner();
  unnamed.fields = {"owner"};
  CHECK(problem({unnamed}).starts_with("0 "));
  unnamed.fields = {"n", "n"};
  CHECK(problem({unnamed}).starts_with("0 "));
  Query limited;
  limited.group_by = {query::field("owner")};
  limited.limit = 1;
  CHECK(problem({view_of("v", "m", limited, {"owner"})}).starts_with("0 "));
  Query join;
  query::Join other;
  other.map = "n";
  other.on = {{query::field("owner"), query::record_key()}};
  join.joins = {other};
  CHECK(problem({view_of("v", "m", join)}).starts_with("0 "));
}

}  // namespace
}  // namespace topgun::dataflow
