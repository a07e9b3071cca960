#pragma once

#include <sqlite3.h>

#include "tests/bench/query/orders.hpp"

namespace topgun::bench {

/// The same orders in an SQLite database in memory, each with the bytes of its record as well, so
/// that a lookup reads one column.
class SqliteOrders {
 public:
  explicit SqliteOrders(uint64_t count);
  ~SqliteOrders();
  SqliteOrders(const SqliteOrders&) = delete;
  SqliteOrders& operator=(const SqliteOrders&) = delete;

  void run(const char* sql);
  /// A statement that is prepared once. Ends the process if the text is wrong.
  sqlite3_stmt* prepare(const char* sql);

 private:
  sqlite3* database_ = nullptr;
  std::vector<sqlite3_stmt*> statements_;
};

void bind(sqlite3_stmt* statement, int at, std::string_view text);

}  // namespace topgun::bench
