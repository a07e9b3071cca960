#include "host-native/server/views.hpp"

#include <algorithm>

#include "core/crdt/record.hpp"
#include "core/dataflow/node_views.hpp"
#include "host-native/json/json_reader.hpp"
#include "host-native/json/value_json.hpp"

namespace topgun::host {
namespace {

namespace json = boost::json;
using query::Aggregate;
using query::AggregateKind;
using query::Attribute;
using query::Predicate;
using query::PredicateKind;
using query::Query;

constexpr size_t kDepthMax = 64;

/// Reads the JSON of one view; what is wrong first goes to `problem`, and the rest means nothing.
class ViewReader {
 public:
  explicit ViewReader(JsonProblem& problem) : problem_(problem) {}

  node::NodeView read(const json::value& value) {
    node::NodeView view;
    JsonMembers members(value, problem_);
    view.name = members.text("name");
    view.map = members.text("from");
    Query query;
    // Names of joins stand in front of the fields of their maps, so these come first.
    read_joins(members, query);
    if (const json::value* where = members.value("where")) query.where = condition(*where, true);
    read_groups(members, query, view.fields);
    const bool is_grouped = query.is_grouped();
    if (const json::value* select = members.value("select")) {
      if (is_grouped) problem_.say("groups have no 'select': they give 'groupBy' and 'aggregate'");
      query.select = named(*select, view.fields, true);
    }
    for (const json::value& part : members.array("orderBy")) {
      std::string_view text = text_of(part, "orderBy");
      const bool descends = text.starts_with("-");
      if (descends) text.remove_prefix(1);
      query.order.push_back({field(text, true), descends ? query::Direction::Descending
                                                         : query::Direction::Ascending});
    }
    query.offset = members.number("offset", 0);
    if (members.has("limit")) query.limit = members.number("limit");
    members.expect_no_others();
    if (problem_.empty()) view.query = query::encode_query(query);
    return view;
  }

 private:
  void wrong(std::string_view what, std::string_view of) {
    problem_.say(std::string(what) + " '" + std::string(of) + "'");
  }

  std::string_view text_of(const json::value& value, std::string_view of) {
    if (const auto* text = value.if_string()) return *text;
    wrong("text is expected in", of);
    return {};
  }

  /// `address.city`, `$key`, and behind the name of a join those of its map.
  Attribute field(std::string_view text, bool with_joins) {
    Attribute attribute;
    const std::string_view whole = text;
    if (with_joins) {
      const std::string_view first = text.substr(0, text.find('.'));
      const auto join = std::find(joins_.begin(), joins_.end(), first);
      if (join != joins_.end()) {
        attribute.side = static_cast<uint8_t>(join - joins_.begin() + 1);
        text.remove_prefix(std::min(text.size(), first.size() + 1));
      }
    }
    if (text == "$key" || text == "_key") {
      attribute.source = Attribute::Source::Key;
      return attribute;
    }
    for (size_t begin = 0; begin <= text.size();) {
      const size_t end = std::min(text.find('.', begin), text.size());
      attribute.steps.emplace_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    const auto is_wrong = [](const std::string& step) {
      return step.empty() || step.size() > query::kAttributeStepBytesMax || step[0] == '$';
    };
    if (attribute.steps.size() > query::kAttributeStepsMax ||
        std::any_of(attribute.steps.begin(), attribute.steps.end(), is_wrong)) {
      wrong("this is no field:", whole);
    }
    return attribute;
  }

  /// `["city", "total"]`, or `{"town": "address.city"}` for other names.
  std::vector<Attribute> named(const json::value& value, std::vector<std::string>& names,
                               bool with_joins) {
    std::vector<Attribute> attributes;
    const auto add = [&](std::string_view name, std::string_view text) {
      if (name.find('.') != name.npos)
        wrong("give a name without dots ({\"NAME\": FIELD}) to", name);
      names.emplace_back(name == "$key" ? "key" : name);
      attributes.push_back(field(text, with_joins));
    };
    if (const auto* list = value.if_array()) {
      for (const json::value& each : *list) {
        const std::string_view text = text_of(each, "a list of fields");
        add(text, text);
      }
    } else if (const auto* object = value.if_object()) {
      for (const auto& [name, each] : *object) add(name, text_of(each, name));
    } else {
      problem_.say("fields are a list, or an object of names and fields");
    }
    return attributes;
  }

  void read_joins(JsonMembers& members, Query& query) {
    for (const json::value& each : members.array("join")) {
      JsonMembers own(each, problem_);
      query::Join join;
      join.map = own.text("map");
      const std::string name(own.text("as", join.map));
      const std::string_view kind = own.text("kind", "inner");
      const std::string_view kinds[] = {"inner", "left", "semi", "anti"};
      const auto known = std::find(std::begin(kinds), std::end(kinds), kind);
      if (known == std::end(kinds)) wrong("this is no kind of join:", kind);
      join.kind = static_cast<query::JoinKind>(known - std::begin(kinds));
      const json::value* on = own.value("on");
      if (on == nullptr || !on->is_object()) wrong("'on' is missing in join", name);
      if (!problem_.empty()) return;
      for (const auto& [left, right] : on->get_object()) {
        join.on.push_back({field(left, true), field(text_of(right, left), false)});
      }
      if (const json::value* where = own.value("where")) join.where = condition(*where, false);
      own.expect_no_others();
      if (name.find('.') != name.npos) wrong("give a name without dots ('as') to join", name);
      joins_.push_back(name);
      query.joins.push_back(std::move(join));
    }
  }

  void read_groups(JsonMembers& members, Query& query, std::vector<std::string>& names) {
    if (const json::value* distinct = members.value("distinct")) {
      query.group_by = named(*distinct, names, true);
    }
    if (const json::value* group_by = members.value("groupBy")) {
      if (!query.group_by.empty()) problem_.say("it has 'distinct' and 'groupBy'");
      query.group_by = named(*group_by, names, true);
    }
    const json::value* aggregates = members.value("aggregate");
    if (aggregates == nullptr) return;
    if (!aggregates->is_object()) return problem_.say("'aggregate' is no object");
    for (const auto& [name, value] : aggregates->get_object()) {
      names.emplace_back(name);
      query.aggregates.push_back(aggregate(name, value));
    }
  }

  /// `"count"`, or `{"sum": FIELD}`.
  Aggregate aggregate(std::string_view name, const json::value& value) {
    const auto* text = value.if_string();
    if (text != nullptr && *text == "count") return {AggregateKind::Count, {}};
    const auto* object = value.if_object();
    if (object == nullptr || object->size() != 1) {
      wrong("expected \"count\" or {\"sum\": FIELD} in aggregate", name);
      return {};
    }
    const std::string_view kind = object->begin()->key();
    const std::string_view kinds[] = {"count", "sum", "avg", "min", "max"};
    const auto known = std::find(std::begin(kinds), std::end(kinds), kind);
    if (known == std::end(kinds)) wrong("this is no aggregate:", kind);
    return {static_cast<AggregateKind>(known - std::begin(kinds) + 1),
            field(text_of(object->begin()->value(), name), true)};
  }

  Bytes operand(const json::value& value) {
    Bytes out;
    read_value_json(value, problem_, out);
    return out;
  }

  std::vector<Bytes> operands(const json::value& value, std::string_view of) {
    std::vector<Bytes> all;
    const auto* list = value.if_array();
    if (list == nullptr) wrong("a list is expected in", of);
    for (size_t i = 0; list != nullptr && i < list->size(); ++i) all.push_back(operand((*list)[i]));
    return all;
  }

  /// The form of `where` in TypeScript.
  Predicate condition(const json::value& value, bool with_joins) {
    const auto* object = value.if_object();
    if (object == nullptr) {
      problem_.say("a condition is an object");
      return {};
    }
    std::vector<Predicate> all;
    for (const auto& [name, each] : *object) {
      if (name == "$and" || name == "$or") {
        std::vector<Predicate> children;
        const auto* list = each.if_array();
        if (list == nullptr) wrong("a list is expected in", name);
        for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
          children.push_back(condition((*list)[i], with_joins));
        }
        all.push_back(name == "$and" ? query::all_of(std::move(children))
                                     : query::any_of(std::move(children)));
      } else if (name == "$not") {
        all.push_back(query::negation(condition(each, with_joins)));
      } else {
        add_tests(field(name, with_joins), each, all);
      }
    }
    return query::all_of(std::move(all));
  }

  /// `{"$gt": 5, "$lt": 9}`, or a value to be equal to.
  void add_tests(const Attribute& attribute, const json::value& value,
                 std::vector<Predicate>& all) {
    const auto* object = value.if_object();
    const bool has_tests = object != nullptr && !object->empty() &&
                           find_test(std::string_view(object->begin()->key())) != nullptr;
    if (!has_tests) return all.push_back(query::equal_to(attribute, operand(value)));
    for (const auto& [name, each] : *object) {
      const TestName* const test = find_test(name);
      if (test == nullptr) return wrong("this is no test:", name);
      all.push_back(make_test(*test, attribute, each));
    }
  }

  enum class Takes : uint8_t { Value, Values, Pair, Text, Flag };
  struct TestName {
    std::string_view name;
    Takes takes;
    PredicateKind kind = PredicateKind::True;
    Predicate (*make)(Attribute, ByteView) = nullptr;
  };

  static const TestName* find_test(std::string_view name) {
    static constexpr TestName kTests[] = {
        {"$eq", Takes::Value, {}, query::equal_to},
        {"$ne", Takes::Value, {}, query::not_equal_to},
        {"$gt", Takes::Value, {}, query::greater_than},
        {"$gte", Takes::Value, {}, query::at_least},
        {"$lt", Takes::Value, {}, query::less_than},
        {"$lte", Takes::Value, {}, query::at_most},
        {"$in", Takes::Values, PredicateKind::In},
        {"$nin", Takes::Values, PredicateKind::Not},
        {"$between", Takes::Pair, PredicateKind::Range},
        {"$like", Takes::Text, PredicateKind::Like},
        {"$ilike", Takes::Text, PredicateKind::LikeAnyCase},
        {"$startsWith", Takes::Text, PredicateKind::Prefix},
        {"$endsWith", Takes::Text, PredicateKind::Suffix},
        {"$contains", Takes::Value, PredicateKind::ContainsAll},
        {"$containsAny", Takes::Values, PredicateKind::ContainsAny},
        {"$containsAll", Takes::Values, PredicateKind::ContainsAll},
        {"$exists", Takes::Flag, PredicateKind::IsMissing},
        {"$null", Takes::Flag, PredicateKind::In},
    };
    const auto found = std::find_if(std::begin(kTests), std::end(kTests),
                                    [&](const TestName& each) { return each.name == name; });
    return found == std::end(kTests) ? nullptr : found;
  }

  Predicate make_test(const TestName& test, const Attribute& attribute, const json::value& value) {
    switch (test.takes) {
      case Takes::Value:
        if (test.make != nullptr) return test.make(attribute, operand(value));
        return query::test(test.kind, attribute, {operand(value)});
      case Takes::Values: {
        std::vector<Bytes> all = operands(value, test.name);
        if (test.kind == PredicateKind::In) return query::is_in(attribute, std::move(all));
        if (test.kind == PredicateKind::Not) {
          return query::negation(query::is_in(attribute, std::move(all)));
        }
        return query::test(test.kind, attribute, std::move(all));
      }
      case Takes::Pair: {
        const std::vector<Bytes> ends = operands(value, test.name);
        if (ends.size() == 2) return query::between(attribute, ends[0], ends[1]);
        wrong("two values are expected in", test.name);
        return {};
      }
      case Takes::Text:
        (void)text_of(value, test.name);
        return query::test(test.kind, attribute, {operand(value)});
      case Takes::Flag: {
        if (!value.is_bool()) wrong("true or false is expected in", test.name);
        const bool is_nil = test.kind == PredicateKind::In;
        Predicate absent = is_nil ? query::is_nil(attribute) : query::is_missing(attribute);
        const bool wants_absent = value.is_bool() && value.get_bool() == is_nil;
        return wants_absent ? absent : query::negation(std::move(absent));
      }
    }
    return {};
  }

  JsonProblem& problem_;
  std::vector<std::string> joins_;  ///< Their names, by side.
};

}  // namespace

std::string parse_views(std::span<const std::string> texts, std::vector<node::NodeView>& views) {
  for (const std::string& text : texts) {
    const auto parsed = parse_json(text, kDepthMax);
    if (!parsed) return "--view " + text + " is no JSON";
    JsonProblem problem;
    views.push_back(ViewReader(problem).read(*parsed));
    if (!problem.empty()) return "--view " + text + ": " + problem.text();
  }
  const auto wrong = dataflow::check_views(views);
  if (!wrong) return {};
  return "--view '" + views[wrong->view].name + "': " + wrong->text;
}

}  // namespace topgun::host
