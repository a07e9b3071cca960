#include "core/dataflow/query_template.hpp"

#include "core/query/normalize.hpp"

namespace topgun::dataflow {
namespace {

using query::Predicate;
using query::PredicateKind;

bool is_equality(const Predicate& predicate) {
  return predicate.kind == PredicateKind::In && predicate.operands.size() == 1;
}

}  // namespace

ParametricQuery parametrize(const query::Query& whole) {
  ParametricQuery out;
  query::Query& shape = out.shape.query;
  const Predicate where = query::normalize(whole.where);
  std::vector<Predicate> conjuncts;
  if (where.kind == PredicateKind::And) {
    conjuncts = where.children;
  } else {
    conjuncts.push_back(where);
  }
  std::vector<Predicate> rest;
  for (Predicate& conjunct : conjuncts) {
    if (is_equality(conjunct) && !whole.hints.no_share) {
      query::append_ordered_key(out.arguments, ValueView(conjunct.operands[0]));
      out.shape.parameters.push_back(std::move(conjunct.attribute));
    } else {
      rest.push_back(std::move(conjunct));
    }
  }
  shape.where = query::normalize(query::all_of(std::move(rest)));
  shape.order = whole.order;
  shape.group_by = whole.group_by;
  shape.aggregates = whole.aggregates;
  out.shape.id = encode_query(shape);
  ByteWriter id(out.shape.id);
  for (const query::Attribute& parameter : out.shape.parameters) write_attribute(id, parameter);
  shape.partial_groups = whole.partial_groups;
  if (shape.partial_groups) id.u8(1);
  return out;
}

Result<ParameterReader> ParameterReader::make(const std::vector<query::Attribute>& parameters,
                                              query::AttributeTable& attributes) {
  ParameterReader reader(attributes);
  for (const query::Attribute& parameter : parameters) {
    const auto id = attributes.intern(parameter);
    if (!id.ok()) return id.error();
    reader.parameters_.push_back(*id);
  }
  return reader;
}

void ParameterReader::append(Bytes& out, const query::RowView& row) {
  for (const query::AttributeId id : parameters_) {
    query::append_ordered_key(out, reader_.read(row, id));
  }
}

}  // namespace topgun::dataflow
