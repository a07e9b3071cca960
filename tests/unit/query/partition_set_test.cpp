#include "core/query/partition_set.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "core/query/normalize.hpp"
#include "core/value/value_writer.hpp"

namespace topgun::query {
namespace {

const PartitionKey kByTenant{"orders", {"tenant"}, '/'};

Bytes text(std::string_view value) {
  Bytes out;
  ValueWriter(out).text(value);
  return out;
}

Bytes number(double value) {
  Bytes out;
  ValueWriter(out).number(value);
  return out;
}

PartitionSet set_of(std::initializer_list<std::string_view> parts) {
  PartitionSet set;
  for (const std::string_view part : parts) set.set(partition_of(as_bytes(part)).value);
  return set;
}

PartitionSet found(const Predicate& where, const PartitionKey* declared = &kByTenant) {
  return partitions_of(normalize(where), declared);
}

TEST_CASE("partition set: the declared field tells where records are, by text or number") {
  CHECK(found(equal_to(field("tenant"), text("acme"))) == set_of({"acme"}));
  CHECK(found(is_in(field("tenant"), {text("acme"), text("zen")})) == set_of({"acme", "zen"}));
  CHECK(found(equal_to(field("tenant"), number(7))) == set_of({"7"}));
  CHECK(found(equal_to(field("tenant"), text("acme")), nullptr).all());
  CHECK(found(equal_to(field("other"), text("acme"))).all());
}

TEST_CASE("partition set: keys tell by what they begin with, or as a whole without a declaration") {
  CHECK(found(equal_to(record_key(), text("acme/17"))) == set_of({"acme"}));
  CHECK(found(equal_to(record_key(), text("acme/17")), nullptr) == set_of({"acme/17"}));
  CHECK(found(equal_to(record_key(), number(3))).none());
  const Predicate prefix = test(PredicateKind::Prefix, record_key(), {text("acme/1")});
  CHECK(found(prefix) == set_of({"acme"}));
  CHECK(found(prefix, nullptr).all());
  CHECK(found(test(PredicateKind::Prefix, record_key(), {text("acme")})).all());
  CHECK(found(between(record_key(), text("acme/1"), text("acme/9"))) == set_of({"acme"}));
  CHECK(found(between(record_key(), text("acme"), text("acme/9"))).all());
  CHECK(found(at_least(record_key(), text("acme/9"))).all());
}

TEST_CASE("partition set: and leaves what both leave, or what either does, not everything") {
  const Predicate acme = equal_to(field("tenant"), text("acme"));
  const Predicate zen = equal_to(record_key(), text("zen/1"));
  CHECK(found(all_of({acme, is_nil(field("x"))})) == set_of({"acme"}));
  CHECK(found(any_of({acme, zen})) == set_of({"acme", "zen"}));
  CHECK(found(any_of({acme, is_nil(field("x"))})).all());
  CHECK(found(all_of({acme, zen})).none());
  CHECK(found(negation(acme)).all());
  CHECK(found(is_nil(field("tenant"))).all());
  CHECK(found(is_in(field("tenant"), {})).none());
  Predicate of_another = acme;
  of_another.attribute.side = 1;
  CHECK(found(of_another).all());
}

TEST_CASE("partition key: a record may be written whose field is what its key begins with") {
  const auto admits = [](std::string_view key, const Bytes& tenant) {
    Bytes value;
    ValueWriter writer(value);
    writer.begin_map(1);
    writer.key("tenant");
    writer.encoded(ValueView(tenant));
    return is_in_partition(kByTenant, as_bytes(key), value);
  };
  CHECK(admits("acme/17", text("acme")));
  CHECK(admits("acme", text("acme")));
  CHECK(admits("7/17", number(7)));
  CHECK(admits("7/17", text("7")));
  CHECK(admits("acme/17", Bytes{0xc0}));
  CHECK_FALSE(admits("acme/17", text("zen")));
  CHECK_FALSE(admits("acme/17", text("acme/17")));
  CHECK_FALSE(admits("7.5/17", number(7.5)));
  CHECK(is_in_partition(kByTenant, as_bytes("acme/17"), number(3)));
}

}  // namespace
}  // namespace topgun::query
