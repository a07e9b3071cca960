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

OrderMap::OrderMap(uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    orders_.push_back(order_of(i));
    values_.push_back(encode_order(orders_.back()));
  }
  for (uint64_t i = 0; i < count; ++i) {
    query::Write write;
    write.key = as_bytes(orders_[i].id);
    write.after = values_[i];
    collection_.apply(write);
  }
}

void OrderMap::rewrite(uint64_t number, uint64_t version, dataflow::LiveQueries& live) {
  const Bytes before = std::move(values_[number]);
  values_[number] = encode_order(order_of(number, version));
  query::Write write;
  write.key = as_bytes(orders_[number].id);
  write.row = collection_.find(write.key);
  write.before = before;
  write.after = values_[number];
  live.apply(write);
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
