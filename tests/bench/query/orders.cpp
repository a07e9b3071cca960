#include "tests/bench/query/orders.hpp"

#include "core/base/prng.hpp"
#include "core/value/value_writer.hpp"

namespace topgun::bench {

Order order_of(uint64_t number, uint64_t version) {
  static const char* const kStatuses[] = {"open", "paid", "packed", "shipped", "returned"};
  Prng draws(version, stream_id("orders"), number);
  Order order;
  order.id = "order-" + std::to_string(1'000'000 + number);
  order.city = "city-" + std::to_string(draws.below(1000));
  order.status = kStatuses[draws.below(5)];
  order.customer = "customer-" + std::to_string(draws.below(10'000));
  order.zone = "delivery-zone-" + std::to_string(draws.below(100));
  order.age = static_cast<int64_t>(draws.between(18, 97));
  order.quantity = static_cast<int64_t>(draws.between(1, 9));
  order.amount = static_cast<double>(draws.between(100, 99'999)) / 100;
  // Spread over time without order, and each its own.
  order.created =
      static_cast<int64_t>(1'700'000'000'000 + draws.below(1 << 20) * 1000 + number % 1000);
  return order;
}

Bytes encode_order(const Order& order) {
  Bytes out;
  ValueWriter writer(out);
  writer.begin_map(9);
  writer.key("age");
  writer.integer(order.age);
  writer.key("amount");
  writer.number(order.amount);
  writer.key("city");
  writer.text(order.city);
  writer.key("created");
  writer.integer(order.created);
  writer.key("customer");
  writer.text(order.customer);
  writer.key("id");
  writer.text(order.id);
  writer.key("quantity");
  writer.integer(order.quantity);
  writer.key("status");
  writer.text(order.status);
  writer.key("zone");
  writer.text(order.zone);
  return out;
}

std::string customer_id(uint64_t number) { return "customer-" + std::to_string(number); }

Bytes encode_customer(uint64_t number, uint64_t version) {
  Bytes out;
  ValueWriter writer(out);
  writer.begin_map(2);
  writer.key("name");
  writer.text("Customer no. " + std::to_string(number));
  writer.key("tier");
  writer.unsigned_integer((number + version) % 10);
  return out;
}

void RecordMap::add(std::string key, Bytes value) {
  query::Write write;
  write.key = as_bytes(keys_.emplace_back(std::move(key)));
  write.after = values_.emplace_back(std::move(value));
  collection_.apply(write);
}

OrderMap::OrderMap(uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    orders_.push_back(order_of(i));
    add(orders_.back().id, encode_order(orders_.back()));
  }
}

void OrderMap::rewrite(uint64_t number, uint64_t version, dataflow::LiveQueries& live) {
  RecordMap::rewrite(number, encode_order(order_of(number, version)),
                     [&](const query::Write& write) { live.apply(write); });
}

CustomerMap::CustomerMap() {
  for (uint64_t i = 0; i < kCustomers; ++i) add(customer_id(i), encode_customer(i));
}

Bytes text_value(std::string_view text) {
  Bytes out;
  ValueWriter(out).text(text);
  return out;
}

Bytes number_value(double number) {
  Bytes out;
  ValueWriter(out).number(number);
  return out;
}

}  // namespace topgun::bench
