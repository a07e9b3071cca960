#include "tests/oracle/sqlite_opinion.hpp"

#include <cstdio>
#include <cstdlib>

#include "core/value/value_writer.hpp"

namespace topgun::oracle {
namespace {

using namespace query;

constexpr const char* kFields[] = {"age", "city", "status"};

bool is_map(std::string_view name) { return name == "a" || name == "b" || name == "c"; }

/// Plain text has no quotes.
std::string literal(const Bytes& value) {
  const ValueView view(value);
  if (const auto text = view.as_text()) return "'" + std::string(*text) + "'";
  if (const auto number = view.as_double()) return std::to_string(*number);
  return "NULL";
}

std::string alias(size_t side) { return "s" + std::to_string(side); }

/// `own` is the side that stands for side 0.
std::string column(const Attribute& attribute, size_t own = 0) {
  const size_t side = attribute.side == 0 ? own : attribute.side;
  const bool is_key = attribute.source == Attribute::Source::Key;
  return alias(side) + "." + (is_key ? "key" : attribute.steps[0]);
}

/// SQL's comparisons go across types; those of ranges do not.
std::string is_of_type(const std::string& what, const Bytes& bound) {
  return ValueView(bound).as_text() ? "typeof(" + what + ") = 'text'"
                                    : "typeof(" + what + ") IN ('integer', 'real')";
}

std::string range_sql(const std::string& what, const Bounds& bounds) {
  std::string sql = "(" + is_of_type(what, bounds.low.empty() ? bounds.high : bounds.low);
  if (!bounds.low.empty()) {
    sql += " AND " + what + (bounds.low_inclusive ? " >= " : " > ") + literal(bounds.low);
  }
  if (!bounds.high.empty()) {
    sql += " AND " + what + (bounds.high_inclusive ? " <= " : " < ") + literal(bounds.high);
  }
  return sql + ")";
}

std::string predicate_sql(const Predicate& predicate, size_t own);

std::string combination_sql(const Predicate& predicate, size_t own) {
  const bool is_and = predicate.kind == PredicateKind::And;
  std::string sql = is_and ? "(1" : "(0";
  for (const Predicate& child : predicate.children) {
    sql += (is_and ? " AND " : " OR ") + predicate_sql(child, own);
  }
  return sql + ")";
}

std::string predicate_sql(const Predicate& predicate, size_t own) {
  const std::string what =
      predicate.kind >= PredicateKind::In ? column(predicate.attribute, own) : "";
  switch (predicate.kind) {
    case PredicateKind::And:
    case PredicateKind::Or:
      return combination_sql(predicate, own);
    case PredicateKind::Not:
      return "(NOT " + predicate_sql(predicate.children[0], own) + ")";
    case PredicateKind::True:
      return "1";
    case PredicateKind::In: {
      std::string sql = "(0";
      for (const Bytes& operand : predicate.operands) {
        sql += " OR " + what + " IS " + literal(operand);
      }
      return sql + ")";
    }
    case PredicateKind::Range:
      return range_sql(what, predicate.bounds);
    case PredicateKind::IsMissing: {
      // Plain records have all fields, so only absent records miss any.
      const size_t side = predicate.attribute.side == 0 ? own : predicate.attribute.side;
      return "(" + alias(side) + ".key IS NULL)";
    }
    case PredicateKind::Prefix: {
      const auto prefix = ValueView(predicate.operands[0]).as_text().value();
      return "(typeof(" + what + ") = 'text' AND substr(" + what + ", 1, " +
             std::to_string(prefix.size()) + ") = '" + std::string(prefix) + "')";
    }
    default:
      return "0";
  }
}

std::string on_sql(const Join& join, size_t side) {
  std::string sql = predicate_sql(join.where, side);
  for (const JoinPair& pair : join.on) {
    sql += " AND " + column(pair.left) + " = " + column(pair.right, side);
  }
  return sql;
}

std::string aggregate_sql(const Aggregate& aggregate) {
  const bool counts = aggregate.kind == AggregateKind::Count;
  const std::string what = counts ? "*" : column(aggregate.attribute);
  const std::string number =
      "CASE WHEN typeof(" + what + ") IN ('integer', 'real') THEN " + what + " END";
  switch (aggregate.kind) {
    case AggregateKind::Count:
    case AggregateKind::CountOf:
      return "count(" + what + ")";
    case AggregateKind::Sum:
      return "coalesce(sum(" + number + "), 0)";
    case AggregateKind::Average:
      return "avg(" + number + ")";
    case AggregateKind::Min:
      return "min(" + what + ")";
    case AggregateKind::Max:
      return "max(" + what + ")";
  }
  return "";
}

void append(std::string& list, const std::string& item) {
  if (!list.empty()) list += ", ";
  list += item;
}

std::string query_sql(std::string_view map, const Query& query) {
  std::string from = std::string(map) + " AS s0";
  std::string where = predicate_sql(query.where, 0);
  std::string columns;
  std::string order;
  std::string keys;
  for (size_t side = 0; side < query.sides(); ++side) {
    append(keys, query.has_side(side) ? alias(side) + ".key" : "NULL");
    if (side == 0) continue;
    const Join& join = query.joins[side - 1];
    const std::string other = join.map + " AS " + alias(side);
    const std::string on = on_sql(join, side);
    if (query.has_side(side)) {
      from += (join.kind == JoinKind::Left ? " LEFT JOIN " : " JOIN ") + other + " ON " + on;
    } else {
      where += std::string(" AND ") + (join.kind == JoinKind::Anti ? "NOT " : "") +
               "EXISTS (SELECT 1 FROM " + other + " WHERE " + on + ")";
    }
  }
  std::string group_by;
  for (const Attribute& each : query.group_by) append(group_by, column(each));
  if (query.is_grouped()) {
    columns = group_by;
    for (const Aggregate& each : query.aggregates) append(columns, aggregate_sql(each));
    order = group_by;
  } else {
    columns = keys;
    for (const OrderPart& part : query.order) {
      append(order,
             column(part.attribute) + (part.direction == Direction::Descending ? " DESC" : " ASC"));
    }
    for (size_t side = 0; side < query.sides(); ++side) {
      if (query.has_side(side)) append(order, alias(side) + ".key");
    }
  }
  std::string sql = "SELECT " + columns + " FROM " + from + " WHERE " + where;
  if (!group_by.empty()) sql += " GROUP BY " + group_by;
  if (!order.empty()) sql += " ORDER BY " + order;
  sql += " LIMIT " + std::to_string(query.limit ? static_cast<int64_t>(*query.limit) : -1);
  return sql + " OFFSET " + std::to_string(query.offset);
}

void write_column(ValueWriter& writer, sqlite3_stmt* statement, int at) {
  switch (sqlite3_column_type(statement, at)) {
    case SQLITE_INTEGER:
    case SQLITE_FLOAT:
      return writer.number(sqlite3_column_double(statement, at));
    case SQLITE_TEXT:
      return writer.text(reinterpret_cast<const char*>(sqlite3_column_text(statement, at)));
    default:
      return writer.nil();
  }
}

}  // namespace

SqliteOpinion::SqliteOpinion() {
  if (sqlite3_open(":memory:", &database_) != SQLITE_OK) std::abort();
  for (const char* const map : {"a", "b", "c"}) {
    run("CREATE TABLE " + std::string(map) + " (key, age, city, status)");
  }
}

SqliteOpinion::~SqliteOpinion() { sqlite3_close(database_); }

void SqliteOpinion::run(const std::string& sql) {
  char* message = nullptr;
  if (sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, &message) == SQLITE_OK) return;
  std::fprintf(stderr, "%s: %s\n", sql.c_str(), message);
  std::abort();
}

void SqliteOpinion::load(std::string_view map, const Records& records) {
  run("DELETE FROM " + std::string(map));
  std::string rows;
  for (const auto& [key, value] : records) {
    std::string row = "('" + key + "'";
    for (const char* const name : kFields) {
      const auto field = ValueView(value).member(name);
      row += ", " + literal(field ? to_bytes(field->bytes()) : Bytes{0xc0});
    }
    append(rows, row + ")");
  }
  if (!rows.empty()) run("INSERT INTO " + std::string(map) + " VALUES " + rows);
}

std::optional<NaiveAnswer> SqliteOpinion::ask(std::string_view map, const Query& query) {
  if (!is_map(map)) return std::nullopt;
  for (const Join& join : query.joins) {
    if (!is_map(join.map)) return std::nullopt;
  }
  const std::string sql = query_sql(map, query);
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) {
    std::fprintf(stderr, "%s: %s\n", sql.c_str(), sqlite3_errmsg(database_));
    std::abort();
  }
  NaiveAnswer answer;
  while (sqlite3_step(statement) == SQLITE_ROW) {
    const int columns = sqlite3_column_count(statement);
    if (query.is_grouped()) {
      ValueWriter writer(answer.groups.emplace_back());
      writer.begin_array(static_cast<size_t>(columns));
      for (int at = 0; at < columns; ++at) write_column(writer, statement, at);
      continue;
    }
    NaiveRow& row = answer.rows.emplace_back();
    for (int at = 0; at < columns; ++at) {
      const auto* const key = reinterpret_cast<const char*>(sqlite3_column_text(statement, at));
      row.keys.push_back(key == nullptr ? std::nullopt : std::optional<std::string>(key));
    }
  }
  sqlite3_finalize(statement);
  return answer;
}

}  // namespace topgun::oracle
