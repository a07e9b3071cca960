#pragma once

#include <deque>
#include <string>
#include <vector>

#include "core/dataflow/query_engine.hpp"

namespace topgun::bench {

/// The workload of the query suite: orders of nine fields, about 125 bytes each. The same from the
/// same number, on every machine.
struct Order {
  std::string id;
  std::string city;      ///< 1,000 of them.
  std::string status;    ///< 5 of them.
  std::string customer;  ///< 10,000 of them.
  std::string zone;      ///< 100 of them.
  int64_t age = 0;       ///< 18 to 97.
  int64_t quantity = 0;
  double amount = 0;    ///< With two decimals, so that sums of doubles are rounded.
  int64_t created = 0;  ///< Milliseconds; unique.
};

Order order_of(uint64_t number, uint64_t version = 0);
Bytes encode_order(const Order& order);

std::string customer_id(uint64_t number);
/// A name and a tier, which has changed `version` times.
Bytes encode_customer(uint64_t number, uint64_t version = 0);

/// A map that owns its records, as a replica does.
class RecordMap {
 public:
  query::Collection& collection() { return collection_; }
  void add(std::string key, Bytes value);
  /// Gives a record another value and tells `live` what to apply.
  template <typename Apply>
  void rewrite(uint64_t number, Bytes value, Apply&& apply) {
    const Bytes before = std::move(values_[number]);
    values_[number] = std::move(value);
    query::Write write;
    write.key = as_bytes(keys_[number]);
    write.row = collection_.find(write.key);
    write.before = before;
    write.after = values_[number];
    apply(static_cast<const query::Write&>(write));
  }

 protected:
  std::deque<std::string> keys_;
  std::deque<Bytes> values_;
  query::Collection collection_;
};

class OrderMap : public RecordMap {
 public:
  explicit OrderMap(uint64_t count);

  const Order& order(uint64_t number) const { return orders_[number]; }

  /// Writes another version of an order, through live queries if there are any.
  void rewrite(uint64_t number, uint64_t version, dataflow::LiveQueries& live);

 private:
  std::vector<Order> orders_;
};

class CustomerMap : public RecordMap {
 public:
  static constexpr uint64_t kCustomers = 10'000;
  CustomerMap();
};

Bytes text_value(std::string_view text);
Bytes number_value(double number);

}  // namespace topgun::bench
