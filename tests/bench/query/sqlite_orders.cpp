#include "tests/bench/query/sqlite_orders.hpp"

#include <cstdio>
#include <cstdlib>

namespace topgun::bench {
namespace {

void must(int code, int expected, const char* what) {
  if (code == expected) return;
  std::fprintf(stderr, "SQLite: %s: %s\n", what, sqlite3_errstr(code));
  std::exit(1);
}

}  // namespace

void bind(sqlite3_stmt* statement, int at, std::string_view text) {
  sqlite3_bind_text(statement, at, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
}

SqliteOrders::SqliteOrders(uint64_t count) {
  must(sqlite3_open(":memory:", &database_), SQLITE_OK, "open");
  run("CREATE TABLE orders (id TEXT PRIMARY KEY, city TEXT, status TEXT, customer TEXT, zone TEXT, "
      "age INTEGER, quantity INTEGER, amount REAL, created INTEGER, value BLOB) WITHOUT ROWID");
  run("BEGIN");
  sqlite3_stmt* const insert = prepare("INSERT INTO orders VALUES (?,?,?,?,?,?,?,?,?,?)");
  for (uint64_t i = 0; i < count; ++i) {
    const Order order = order_of(i);
    const Bytes value = encode_order(order);
    bind(insert, 1, order.id);
    bind(insert, 2, order.city);
    bind(insert, 3, order.status);
    bind(insert, 4, order.customer);
    bind(insert, 5, order.zone);
    sqlite3_bind_int64(insert, 6, order.age);
    sqlite3_bind_int64(insert, 7, order.quantity);
    sqlite3_bind_double(insert, 8, order.amount);
    sqlite3_bind_int64(insert, 9, order.created);
    sqlite3_bind_blob(insert, 10, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
    must(sqlite3_step(insert), SQLITE_DONE, "insert");
    sqlite3_reset(insert);
  }
  run("COMMIT");
}

SqliteOrders::~SqliteOrders() {
  for (sqlite3_stmt* const statement : statements_) sqlite3_finalize(statement);
  sqlite3_close(database_);
}

void SqliteOrders::run(const char* sql) {
  must(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr), SQLITE_OK, sql);
}

sqlite3_stmt* SqliteOrders::prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  must(sqlite3_prepare_v2(database_, sql, -1, &statement, nullptr), SQLITE_OK, sql);
  statements_.push_back(statement);
  return statement;
}

}  // namespace topgun::bench
