#pragma once

#include <string>
#include <vector>

#include "core/dataflow/live_queries.hpp"

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

/// A map of orders that owns its records, as a replica does.
class OrderMap {
 public:
  explicit OrderMap(uint64_t count);

  query::Collection& collection() { return collection_; }
  const Order& order(uint64_t number) const { return orders_[number]; }

  /// Writes another version of an order, through live queries if there are any.
  void rewrite(uint64_t number, uint64_t version, dataflow::LiveQueries& live);

 private:
  std::vector<Order> orders_;
  std::vector<Bytes> values_;
  query::Collection collection_;
};

Bytes text_value(std::string_view text);
Bytes number_value(double number);

}  // namespace topgun::bench
