#include "core/query/executor.hpp"
#include "tests/bench/query/query_bench.hpp"
#include "tests/bench/query/sqlite_orders.hpp"

namespace topgun::bench {
namespace {

using namespace query;

constexpr uint64_t kStride = 7919;  ///< Prime: walks over the orders without order.

uint64_t found(const Result<Answer>& answer) {
  return answer.ok() ? answer->rows.size() + answer->groups.size() : UINT64_MAX;
}

/// The one number of an answer that counts.
uint64_t counted(const Result<Answer>& answer) {
  return static_cast<uint64_t>(ValueView(answer->groups[0]).at(0)->as_int().value_or(-1));
}

uint64_t step_all(sqlite3_stmt* statement) {
  uint64_t rows = 0;
  while (sqlite3_step(statement) == SQLITE_ROW) ++rows;
  sqlite3_reset(statement);
  return rows;
}

uint64_t step_count(sqlite3_stmt* statement) {
  sqlite3_step(statement);
  const auto count = static_cast<uint64_t>(sqlite3_column_int64(statement, 0));
  sqlite3_reset(statement);
  return count;
}

void bench_lookup(const Options& options, OrderMap& map, SqliteOrders& sqlite) {
  const char* const name = "point lookup";
  std::vector<Bytes> requests;
  std::vector<std::string> ids;
  for (uint64_t i = 0; i < options.records; ++i) {
    ids.push_back(map.order(i * kStride % options.records).id);
    Query query;
    query.where = equal_to(record_key(), text_value(ids.back()));
    requests.push_back(encode_query(query));
  }
  Collection& collection = map.collection();
  const uint64_t times = std::min<uint64_t>(options.records, 20'000);
  uint64_t bytes = 0;
  const double own = median_ns(options.rounds, times, [&](uint64_t i) {
    const auto key = point_lookup_key(requests[i % requests.size()]);
    const auto row = collection.find(*key);
    const ByteView value = collection.rows().view(*row).value;
    bytes += value[value.size() - 1];
  });
  sqlite3_stmt* const select = sqlite.prepare("SELECT value FROM orders WHERE id = ?");
  uint64_t sqlite_bytes = 0;
  const double peer = median_ns(options.rounds, times, [&](uint64_t i) {
    bind(select, 1, ids[i % ids.size()]);
    sqlite3_step(select);
    const auto* const value = static_cast<const uint8_t*>(sqlite3_column_blob(select, 0));
    sqlite_bytes += value[sqlite3_column_bytes(select, 0) - 1];
    sqlite3_reset(select);
  });
  report(name, "TopGun", own, bytes);
  report(name, "SQLite", peer, sqlite_bytes);

  const auto by_plan = [&](const Hints& hints, uint64_t calls, const char* who) {
    uint64_t sum = 0;
    const double ns = median_ns(std::min<uint64_t>(options.rounds, 5), calls, [&](uint64_t i) {
      auto query = decode_query(requests[i % requests.size()]);
      query->where = equal_to(field("id"), text_value(ids[i % ids.size()]));
      query->hints = hints;
      const auto answer = query::answer(*query, collection);
      sum += answer->rows.size();
    });
    report(name, who, ns, sum > 0 ? bytes : 0);
  };
  Hints by_index;
  by_index.use_index = "id";
  by_plan(by_index, std::min<uint64_t>(times, 2000), "TopGun, index plan");
  Hints by_scan;
  by_scan.force_scan = true;
  by_plan(by_scan, 3, "TopGun, scan plan");
}

void bench_count(const Options& options, OrderMap& map, SqliteOrders& sqlite) {
  const char* const name = "status = x and age > y, count";
  Query query;
  query.where = all_of({equal_to(field("status"), text_value("open")),
                        greater_than(field("age"), number_value(60))});
  query.aggregates = {{AggregateKind::Count, {}}};
  const auto own = [&](const char* who) {
    uint64_t count = 0;
    const double ns = median_ns(options.rounds, 20, [&](uint64_t) {
      count = counted(query::answer(query, map.collection()));
    });
    report(name, who, ns, count);
  };
  sqlite3_stmt* const select =
      sqlite.prepare("SELECT count(*) FROM orders WHERE status = 'open' AND age > 60");
  const auto peer = [&](const char* who) {
    uint64_t count = 0;
    const double ns = median_ns(options.rounds, 3, [&](uint64_t) { count = step_count(select); });
    report(name, who, ns, count);
  };
  own("TopGun, no index");
  peer("SQLite, no index");
  (void)map.collection().add_index(
      {"status-age", IndexKind::Ordered, {{field("status")}, {field("age")}}});
  while (map.collection().build_step(10'000)) {
  }
  sqlite.run("CREATE INDEX status_age ON orders (status, age)");
  own("TopGun, index");
  peer("SQLite, index");
}

void bench_ordered(const Options& options, OrderMap& map, SqliteOrders& sqlite) {
  const char* const name = "city = x order by created desc limit 20";
  (void)map.collection().add_index({"city-created",
                                    IndexKind::Ordered,
                                    {{field("city")}, {field("created"), Direction::Descending}}});
  while (map.collection().build_step(10'000)) {
  }
  sqlite.run("CREATE INDEX city_created ON orders (city, created DESC)");
  const uint64_t times = std::min<uint64_t>(options.records, 1000);
  uint64_t rows = 0;
  const double own = median_ns(options.rounds, times, [&](uint64_t i) {
    Query query;
    query.where = equal_to(field("city"), text_value("city-" + std::to_string(i % 1000)));
    query.order = {{field("created"), Direction::Descending}};
    query.limit = 20;
    const auto answer = query::answer(query, map.collection());
    rows += found(answer);
    for (const RowId row : answer->rows) {
      if (map.collection().rows().view(row).value.empty()) ++rows;
    }
  });
  sqlite3_stmt* const select =
      sqlite.prepare("SELECT value FROM orders WHERE city = ? ORDER BY created DESC LIMIT 20");
  uint64_t sqlite_rows = 0;
  const double peer = median_ns(options.rounds, times, [&](uint64_t i) {
    const std::string city = "city-" + std::to_string(i % 1000);
    bind(select, 1, city);
    sqlite_rows += step_all(select);
  });
  report(name, "TopGun", own, rows);
  report(name, "SQLite", peer, sqlite_rows);
}

void bench_groups(const Options& options, OrderMap& map, SqliteOrders& sqlite) {
  const char* const name = "group by 1,000 cities, count and sum";
  Query query;
  query.group_by = {field("city")};
  query.aggregates = {{AggregateKind::Count, {}}, {AggregateKind::Sum, field("quantity")}};
  uint64_t groups = 0;
  // Twice before, so that what is read often is where it is read best.
  for (int i = 0; i < 2; ++i) groups = found(query::answer(query, map.collection()));
  const double own = median_ns(
      options.rounds, 5, [&](uint64_t) { groups = found(query::answer(query, map.collection())); });
  sqlite3_stmt* const select =
      sqlite.prepare("SELECT city, count(*), sum(quantity) FROM orders GROUP BY city");
  uint64_t sqlite_groups = 0;
  const double peer = median_ns(std::min<uint64_t>(options.rounds, 5), 1,
                                [&](uint64_t) { sqlite_groups = step_all(select); });
  report(name, "TopGun", own, groups);
  report(name, "SQLite", peer, sqlite_groups);
}

/// What a field costs that is read from the record's bytes, with and without its shape's offsets.
void bench_fields(const Options& options, OrderMap& map) {
  const RowTable& rows = map.collection().rows();
  const auto id = map.collection().attributes().intern(field("zone"));
  for (const bool shaped : {true, false}) {
    uint64_t sum = 0;
    const double ns = median_ns(options.rounds, 1, [&](uint64_t) {
      for (RowId row = 0; row < rows.row_end(); ++row) {
        RowView view = rows.view(row);
        if (!shaped) view.shape = kNoShape;
        sum += rows.attributes().read(view, *id)->as_text()->size();
      }
    });
    report("last of nine fields", shaped ? "by offset" : "by walking",
           ns / static_cast<double>(rows.row_end()), sum);
  }
}

}  // namespace

void bench_batch(const Options& options) {
  OrderMap map(options.records);
  SqliteOrders sqlite(options.records);
  bench_fields(options, map);
  bench_count(options, map, sqlite);
  bench_groups(options, map, sqlite);
  bench_ordered(options, map, sqlite);
  (void)map.collection().add_index({"id", IndexKind::Unique, {{field("id")}}});
  while (map.collection().build_step(10'000)) {
  }
  bench_lookup(options, map, sqlite);
}

}  // namespace topgun::bench
