#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/query/query.hpp"

namespace topgun::oracle {

/// The records of a map or view, by key.
using Records = std::map<std::string, Bytes>;

/// A row of an answer: the keys of its records by side, and what the query gives back of it.
struct NaiveRow {
  std::vector<std::optional<std::string>> keys;
  Bytes value;
};

struct NaiveAnswer {
  std::vector<NaiveRow> rows;
  std::vector<Bytes> groups;
};

/// What `docs/queries.md` says a query gives, by nested loops over all records: no index, no key
/// encoding, no normal form. `sides[i]` are the records of side `i`.
NaiveAnswer naive_answer(const query::Query& query, const std::vector<const Records*>& sides);

/// The records that a view of the query has.
Records naive_view(const query::Query& query, const std::vector<const Records*>& sides);

}  // namespace topgun::oracle
