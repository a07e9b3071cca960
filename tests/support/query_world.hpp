#pragma once

#include <functional>
#include <map>
#include <string>

#include "core/base/gen.hpp"
#include "core/query/executor.hpp"
#include "tests/support/query_model.hpp"

namespace topgun {

/// A map that owns its records, and the collection that follows it: what a replica does, in a few
/// lines.
class QueryWorld {
 public:
  query::Collection collection;
  /// Where writes go.
  std::function<query::RowId(const query::Write&)> apply = [this](const query::Write& write) {
    return collection.apply(write);
  };

  const std::map<std::string, Bytes>& records() const { return records_; }

  /// Writes a record; no value removes it. Removing what is not there changes nothing.
  query::RowId write(const std::string& key, std::optional<Bytes> value);

 private:
  std::map<std::string, Bytes> records_;
};

/// What a query should give: keys in order, or groups.
struct ModelAnswer {
  std::vector<std::string> keys;
  std::vector<Bytes> groups;
};
ModelAnswer model_answer(const query::Query& query, const std::map<std::string, Bytes>& records);

/// Whether two answers in groups are the same: numbers of equal value are.
bool same_groups(const std::vector<Bytes>& left, const std::vector<Bytes>& right);

/// An index over attributes of `random_attribute`.
query::IndexDefinition random_index(Gen& gen, std::string name);

/// A query over attributes of `random_attribute`, with conditions that indexes answer more often
/// than chance would have it.
query::Query random_query(Gen& gen);

}  // namespace topgun
