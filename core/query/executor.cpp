#include "core/query/executor.hpp"

#include <algorithm>

#include "core/base/probe.hpp"
#include "core/query/internal/group_table.hpp"
#include "core/query/internal/row_finder.hpp"
#include "core/query/normalize.hpp"
#include "core/query/top_rows.hpp"
#include "core/value/value_writer.hpp"

namespace topgun::query {
namespace {

using internal::GroupTable;
using internal::RowFinder;

/// Room made for the rows of a page at once.
constexpr uint64_t kRowsReserved = 64;

bool counts_rows_alone(const Query& query) {
  return query.group_by.empty() &&
         std::all_of(query.aggregates.begin(), query.aggregates.end(),
                     [](const Aggregate& each) { return each.kind == AggregateKind::Count; });
}

Result<void> find_groups(const Plan& plan, const Query& query, Collection& collection,
                         RowFinder& finder, Answer& answer) {
  const bool is_scan = plan.access == Access::Scan;
  auto table = GroupTable::make(query, collection,
                                is_scan ? GroupTable::Columns::Make : GroupTable::Columns::Find);
  if (!table.ok()) return table.error();
  const auto counted = counts_rows_alone(query) ? finder.count() : std::nullopt;
  if (counted) {
    table->count_rows(*counted);
    answer.rows_matched = *counted;
  } else {
    finder.for_each_while([&](RowId row) {
      table->add(row);
      return true;
    });
    answer.rows_matched = finder.matched();
  }
  answer.groups = table->take();
  keep_page(answer.groups, query);
  return {};
}

Result<void> find_rows(const Plan& plan, const Query& query, Collection& collection,
                       RowFinder& finder, Answer& answer) {
  const uint64_t limit = query.limit.value_or(UINT64_MAX);
  const uint64_t wanted = limit > UINT64_MAX - query.offset ? UINT64_MAX : limit + query.offset;
  auto keys = SortKeys::make(plan.order, collection.attributes());
  if (!keys.ok()) return keys.error();
  uint64_t skip = query.offset;
  if (plan.sorts) {
    TopRows top(*keys, wanted, query.after);
    finder.for_each_while([&](RowId row) {
      top.add(row, collection.rows().view(row));
      return !TG_MUTANT(66) || finder.matched() < wanted;
    });
    answer.rows = top.take();
    const auto skipped = static_cast<ptrdiff_t>(std::min<uint64_t>(skip, answer.rows.size()));
    answer.rows.erase(answer.rows.begin(), answer.rows.begin() + skipped);
  } else if (plan.access != Access::Nothing) {
    finder.after = query.after;
    // With nothing left to ask, ranks tell where the answer begins.
    if (!plan.backwards && plan.residual.kind == PredicateKind::True) std::swap(finder.skip, skip);
    answer.rows.reserve(static_cast<size_t>(std::min<uint64_t>(limit, kRowsReserved)));
    finder.for_each_while([&](RowId row) {
      if (skip > 0) {
        --skip;
        return true;
      }
      answer.rows.push_back(row);
      return answer.rows.size() < limit;
    });
  }
  answer.rows_matched = finder.matched();
  if (query.limit && answer.rows.size() == limit && limit > 0) {
    keys->append(answer.cursor, collection.rows().view(answer.rows.back()));
  }
  return {};
}

}  // namespace

void keep_page(std::vector<Bytes>& groups, const Query& query) {
  const size_t offset = static_cast<size_t>(std::min<uint64_t>(query.offset, groups.size()));
  groups.erase(groups.begin(), groups.begin() + static_cast<ptrdiff_t>(offset));
  if (query.limit && *query.limit < groups.size()) groups.resize(static_cast<size_t>(*query.limit));
}

Result<Answer> execute(const Plan& plan, const Query& query, Collection& collection) {
  auto residual = Matcher::make(plan.residual, collection.attributes());
  if (!residual.ok()) return residual.error();
  RowFinder finder(plan, collection, std::move(*residual));
  Answer answer;
  const auto found = query.is_grouped() ? find_groups(plan, query, collection, finder, answer)
                                        : find_rows(plan, query, collection, finder, answer);
  if (!found.ok()) return found.error();
  answer.rows_visited = finder.visited();
  return answer;
}

Result<Answer> answer(const Query& query, Collection& collection) {
  const Predicate where = normalize(query.where);
  const auto plan = make_plan(query, where, collection);
  if (!plan.ok()) return plan.error();
  return execute(*plan, query, collection);
}

Bytes select_value(const Query& query, const RowView& row) {
  if (query.select.empty() && row.sides == nullptr) return to_bytes(row.value);
  Bytes out;
  ValueWriter writer(out);
  if (query.select.empty()) {
    size_t records = 0;
    for (size_t side = 0; side < query.sides(); ++side) records += query.has_side(side) ? 1 : 0;
    writer.begin_array(records);
    for (size_t side = 0; side < query.sides(); ++side) {
      if (!query.has_side(side)) continue;
      const RowView& record = row.sides[side];
      record.is_absent() ? writer.nil() : writer.encoded(ValueView(record.value));
    }
    return out;
  }
  writer.begin_array(query.select.size());
  for (const Attribute& attribute : query.select) {
    const RowView& record = row.sides == nullptr ? row : row.sides[attribute.side];
    if (row.sides != nullptr && record.is_absent()) {
      writer.nil();
      continue;
    }
    if (attribute.source == Attribute::Source::Key) {
      write_key(out, record.key);
      continue;
    }
    const std::vector<std::string_view> steps(attribute.steps.begin(), attribute.steps.end());
    const auto value = ValueView(record.value).at_path(steps);
    if (value) {
      writer.encoded(*value);
    } else {
      writer.nil();
    }
  }
  return out;
}

}  // namespace topgun::query
