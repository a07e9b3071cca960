#include "core/sim/sim_query.hpp"

#include "core/base/byte_io.hpp"
#include "core/value/value_writer.hpp"

namespace topgun::sim {

using query::Attribute;
using query::field;
using query::Predicate;
using query::Query;

namespace {

constexpr uint64_t kNotesHandle = 1;
constexpr uint8_t kBigFrom = 3;
constexpr uint8_t kTopLimit = 3;
constexpr std::string_view kLetters[] = {"a", "b", "c"};

Bytes text_value(std::string_view text) {
  Bytes bytes;
  ValueWriter(bytes).text(text);
  return bytes;
}

Bytes number_value(uint8_t number) {
  Bytes bytes;
  ValueWriter(bytes).integer(number);
  return bytes;
}

}  // namespace

std::string node_field(size_t value) { return std::string(1, static_cast<char>('a' + value)); }

std::string_view group_name(uint8_t letter) { return kLetters[letter]; }

std::string writer_name(uint8_t letter) { return "c" + std::to_string(letter) + "."; }

Bytes make_record(uint64_t shape, const std::string& text, uint32_t keys) {
  const uint64_t group = shape % 6;  // 3 is nil, 4 is missing
  const uint64_t number = shape / 8 % 16;
  const uint64_t parent = shape / 128;
  const bool has_group = group != 4;
  const bool has_number = number != 15;
  const bool has_parent = parent % 4 != 0;
  Bytes bytes;
  ValueWriter out(bytes);
  out.begin_map(1 + (has_group ? 1u : 0u) + (has_number ? 1u : 0u) + (has_parent ? 1u : 0u));
  if (has_group) {
    out.key("g");
    group == 3 ? out.nil() : out.text(kLetters[group % 3]);
  }
  if (has_number) {
    out.key("n");
    if (number < 10) out.number(static_cast<double>(number));
    if (number == 10) out.number(0.5);
    if (number == 11) out.number(kHugeNumber);
    if (number == 12) out.number(-kHugeNumber);
    if (number == 13) out.nil();
    if (number == 14) out.text("z");
  }
  if (has_parent) {
    out.key("p");
    out.text("k" + std::to_string(parent / 4 % keys));
  }
  out.key("t");
  out.text(text);
  return bytes;
}

// --- questions ---

Question question_of(uint64_t draw) {
  const auto take = [&](uint64_t bound) {
    const uint64_t taken = draw % bound;
    draw /= bound;
    return static_cast<uint8_t>(taken);
  };
  Question question;
  // Two conditions at once, for which indexes are intersected, as often as all others of groups.
  const uint8_t filter = take(12);
  question.filter = filter < 9 ? static_cast<Filter>(filter) : Filter::GroupAndBelow;
  question.letter = take(3);
  question.number = take(10);
  question.sorting = static_cast<Sorting>(take(4));
  const uint8_t shape = take(8);
  if (shape > 4) question.shape = static_cast<AnswerShape>(shape - 4);
  constexpr uint8_t kLimits[] = {0, 1, 3, 5};
  question.limit = kLimits[take(4)];
  const uint8_t offset = take(6);
  if (offset > 3) question.offset = offset - 3;
  const uint8_t partner = take(8);
  if (partner > 3) question.partner = static_cast<Partner>(partner - 3);
  const uint8_t over = take(8);
  if (over > 4) question.over = static_cast<Relation>(over - 4);
  if (take(4) == 3) question.partners = Relation::Big;
  question.has_partner_filter = take(3) == 2;
  if (!question.is_grouped()) return question;
  // Live groups have no pages, and an order of their own.
  question.limit = question.offset = 0;
  question.sorting = Sorting::ByKey;
  return question;
}

std::string_view relation_name(Relation relation) {
  constexpr std::string_view kNames[] = {"notes", "big", "top", "of-big", "groups", "pairs"};
  return kNames[static_cast<size_t>(relation)];
}

namespace {

std::string filter_text(const Question& question) {
  const std::string letter(kLetters[question.letter]);
  const std::string number = std::to_string(question.number);
  switch (question.filter) {
    case Filter::All:
      return "";
    case Filter::GroupIs:
      return " where g = " + letter;
    case Filter::GroupIsNot:
      return " where g != " + letter;
    case Filter::AtLeast:
      return " where n >= " + number;
    case Filter::NotAtLeast:
      return " where not n >= " + number;
    case Filter::GroupAndBelow:
      return " where g = " + letter + " and n < " + number;
    case Filter::GroupOrNumber:
      return " where g = " + letter + " or n = " + number;
    case Filter::GroupMissing:
      return " where g is missing";
    case Filter::WrittenBy:
      return " where t begins with " + writer_name(question.letter);
  }
  return "";
}

}  // namespace

std::string question_text(const Question& question) {
  constexpr std::string_view kPartners[] = {"", " with ", " perhaps with ", " that have ",
                                            " that have no "};
  constexpr std::string_view kSortings[] = {"", ", by n", ", by n descending", ", by g and n"};
  constexpr std::string_view kShapes[] = {"", ", groups of g", ", in all", ", distinct g"};
  std::string text(relation_name(question.over));
  if (question.partner != Partner::None) {
    text += kPartners[static_cast<size_t>(question.partner)];
    text += relation_name(question.partners);
    text += question.has_partner_filter ? " of g = a as p" : " as p";
  }
  text += filter_text(question);
  text += kSortings[static_cast<size_t>(question.sorting)];
  text += kShapes[static_cast<size_t>(question.shape)];
  if (question.limit != 0) text += ", " + std::to_string(question.limit) + " at most";
  if (question.offset != 0) text += ", without the first " + std::to_string(question.offset);
  return text;
}

// --- as queries ---

namespace {

Predicate predicate_of(const Question& question) {
  const Attribute group = field("g");
  const Attribute number = field("n");
  const Bytes letter = text_value(kLetters[question.letter]);
  const Bytes least = number_value(question.number);
  switch (question.filter) {
    case Filter::All:
      return {};
    case Filter::GroupIs:
      return query::equal_to(group, letter);
    case Filter::GroupIsNot:
      return query::not_equal_to(group, letter);
    case Filter::AtLeast:
      return query::at_least(number, least);
    case Filter::NotAtLeast:
      return query::negation(query::at_least(number, least));
    case Filter::GroupAndBelow:
      return query::all_of({query::equal_to(group, letter), query::less_than(number, least)});
    case Filter::GroupOrNumber:
      return query::any_of({query::equal_to(group, letter), query::equal_to(number, least)});
    case Filter::GroupMissing:
      return query::is_missing(group);
    case Filter::WrittenBy:
      return query::test(query::PredicateKind::Prefix, field("t"),
                         {text_value(writer_name(question.letter))});
  }
  return {};
}

query::Join join_of(const Question& question) {
  constexpr query::JoinKind kKinds[] = {query::JoinKind::Inner, query::JoinKind::Inner,
                                        query::JoinKind::Left, query::JoinKind::Semi,
                                        query::JoinKind::Anti};
  query::Join join;
  join.kind = kKinds[static_cast<size_t>(question.partner)];
  join.map = relation_name(question.partners);
  join.on = {{field("p"), query::record_key()}};
  if (question.has_partner_filter) join.where = query::equal_to(field("g"), text_value("a"));
  return join;
}

std::vector<query::OrderPart> order_of(Sorting sorting) {
  using query::Direction;
  switch (sorting) {
    case Sorting::ByKey:
      return {};
    case Sorting::Ascending:
      return {{field("n"), Direction::Ascending}};
    case Sorting::Descending:
      return {{field("n"), Direction::Descending}};
    case Sorting::ByGroup:
      return {{field("g"), Direction::Ascending}, {field("n"), Direction::Ascending}};
  }
  return {};
}

}  // namespace

Query query_of(const Question& question) {
  Query query;
  query.where = predicate_of(question);
  query.order = order_of(question.sorting);
  query.offset = question.offset;
  if (question.limit != 0) query.limit = question.limit;
  if (question.partner != Partner::None) query.joins.push_back(join_of(question));
  using query::AggregateKind;
  const Attribute number =
      query::on_side(question.has_partner_side() ? uint8_t{1} : uint8_t{0}, field("n"));
  if (question.shape == AnswerShape::Groups || question.shape == AnswerShape::Distinct) {
    query.group_by = {field("g")};
  }
  if (question.shape == AnswerShape::Groups || question.shape == AnswerShape::Total) {
    query.aggregates = {{AggregateKind::Count, {}},
                        {AggregateKind::Sum, number},
                        {AggregateKind::Average, number},
                        {AggregateKind::Min, number},
                        {AggregateKind::Max, number}};
  }
  return query;
}

Question question_of_view(Relation view) {
  Question question;
  switch (view) {
    case Relation::Notes:
      break;
    case Relation::Big:
      question.filter = Filter::AtLeast;
      question.number = kBigFrom;
      break;
    case Relation::Top:
      question.sorting = Sorting::Descending;
      question.limit = kTopLimit;
      break;
    case Relation::OfBig:
      question.over = Relation::Big;
      question.filter = Filter::GroupIs;
      break;
    case Relation::Groups:
      question.shape = AnswerShape::Groups;
      break;
    case Relation::Pairs:
      question.partner = Partner::Inner;
      break;
  }
  return question;
}

std::vector<node::NodeView> node_views() {
  std::vector<node::NodeView> views;
  for (size_t i = 1; i < kRelationCount; ++i) {
    const auto relation = static_cast<Relation>(i);
    const Question question = question_of_view(relation);
    Query query = query_of(question);
    node::NodeView view;
    view.name = relation_name(relation);
    view.map = relation_name(question.over);
    if (relation == Relation::Pairs) {
      query.select = {query::on_side(0, field("t")), query::on_side(1, field("t"))};
    }
    const size_t values = query.select.size() + query.group_by.size() + query.aggregates.size();
    for (size_t value = 0; value < values; ++value) view.fields.push_back(node_field(value));
    view.query = query::encode_query(query);
    views.push_back(std::move(view));
  }
  return views;
}

void write_relation(ByteWriter& out, Relation relation) {
  if (relation == Relation::Notes) return out.varint(kNotesHandle);
  out.varint(0);
  out.blob(as_bytes(relation_name(relation)));
}

query::IndexDefinition index_of(size_t number) {
  using query::Direction;
  using query::IndexKind;
  switch (number) {
    case 0:
      return {"group", IndexKind::Hash, {{field("g")}}};
    case 1:
      return {"number", IndexKind::Ordered, {{field("n")}}};
    case 2:
      return {"both", IndexKind::Ordered, {{field("g")}, {field("n"), Direction::Descending}}};
    case 3:
      return {"nothing", IndexKind::Presence, {{field("g")}}};
    case 4:
      return {"parent", IndexKind::Hash, {{field("p")}}};
    default:
      return {"big-number", IndexKind::Ordered, {{field("n")}}};
  }
}

}  // namespace topgun::sim
