#pragma once

#include "core/query/matcher.hpp"
#include "core/query/query.hpp"

namespace topgun::dataflow {

/// What live queries have in common that differ in their constants alone. `status = ?` with the
/// same order is one template whatever the status; all its subscriptions share one graph.
struct QueryTemplate {
  /// The query without the conditions that became parameters, and without what each subscription
  /// has for itself (limit, offset, selection, hints).
  query::Query query;
  /// The attributes set equal to constants, in the order of the normal form.
  std::vector<query::Attribute> parameters;
  /// Equal for equal templates.
  Bytes id;
};

/// A query as a template and its constants.
struct ParametricQuery {
  QueryTemplate shape;
  /// The constants: ordered keys behind each other, as many as parameters.
  Bytes arguments;
};

/// Takes the equalities out of a query, which need not be normal. With `hints.no_share` everything
/// stays in the template.
ParametricQuery parametrize(const query::Query& query);

/// Reads the arguments that a row has, in other words: to which subscriptions it belongs.
class ParameterReader {
 public:
  static Result<ParameterReader> make(const std::vector<query::Attribute>& parameters,
                                      query::AttributeTable& attributes);

  /// Appends them as `ParametricQuery::arguments` has them.
  void append(Bytes& out, const query::RowView& row);

 private:
  explicit ParameterReader(const query::AttributeTable& attributes) : reader_(attributes) {}

  query::AttributeReader reader_;
  std::vector<query::AttributeId> parameters_;
};

}  // namespace topgun::dataflow
