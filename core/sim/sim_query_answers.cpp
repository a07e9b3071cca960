#include <algorithm>

#include "core/base/stable_sort.hpp"
#include "core/sim/sim_query.hpp"
#include "core/value/value_writer.hpp"

// Answers by looking at everything.

namespace topgun::sim {
namespace {

ShownField read_field(const ValueView& value, std::string_view name) {
  const std::string_view path[] = {name};
  const auto found = value.at_path(path);
  ShownField field;
  if (!found) return field;
  field.kind = ShownField::Kind::Nil;
  if (const auto number = found->as_double()) {
    field.kind = ShownField::Kind::Number;
    field.number = *number;
  } else if (const auto text = found->as_text()) {
    field.kind = ShownField::Kind::Text;
    field.text = *text;
  }
  return field;
}

void write_field(ValueWriter& out, const ShownField& field) {
  if (field.kind == ShownField::Kind::Number) return out.number(field.number);
  if (field.kind == ShownField::Kind::Text) return out.text(field.text);
  out.nil();
}

using Entry = Shown::value_type;

bool is_letter(const ShownField& field, uint8_t letter) {
  return field.kind == ShownField::Kind::Text && field.text == group_name(letter);
}

bool holds(const Question& question, const ShownRecord& record) {
  const bool is_group = is_letter(record.group, question.letter);
  const bool is_number = record.number.kind == ShownField::Kind::Number;
  const double number = question.number;
  switch (question.filter) {
    case Filter::All:
      return true;
    case Filter::GroupIs:
      return is_group;
    case Filter::GroupIsNot:
      return !is_group;
    case Filter::AtLeast:
      return is_number && record.number.number >= number;
    case Filter::NotAtLeast:
      return !is_number || record.number.number < number;
    case Filter::GroupAndBelow:
      return is_group && is_number && record.number.number < number;
    case Filter::GroupOrNumber:
      return is_group || (is_number && record.number.number == number);
    case Filter::GroupMissing:
      return record.group.kind == ShownField::Kind::Missing;
    case Filter::WrittenBy:
      return record.text.text.starts_with(writer_name(question.letter));
  }
  return false;
}

std::vector<const Entry*> records_of(Relation relation, const Shown& shown) {
  std::vector<const Entry*> records;
  if (relation == Relation::Notes) {
    for (const Entry& entry : shown) records.push_back(&entry);
    return records;
  }
  for (const NaiveRow& row : naive_rows(question_of_view(relation), shown)) {
    records.push_back(row.sides[0]);
  }
  stable_sort(records, [](const Entry* a, const Entry* b) { return a->first < b->first; });
  return records;
}

const Entry* partner_of(const Question& question, const Entry& entry,
                        const std::vector<const Entry*>& partners) {
  if (entry.second.parent.kind != ShownField::Kind::Text) return nullptr;
  const std::string& key = entry.second.parent.text;
  const auto found = std::lower_bound(
      partners.begin(), partners.end(), key,
      [](const Entry* each, const std::string& wanted) { return each->first < wanted; });
  if (found == partners.end() || (*found)->first != key) return nullptr;
  const bool fits = !question.has_partner_filter || is_letter((*found)->second.group, 0);
  return fits ? *found : nullptr;
}

int compare_rows(Sorting sorting, const NaiveRow& left, const NaiveRow& right) {
  const ShownRecord& a = left.sides[0]->second;
  const ShownRecord& b = right.sides[0]->second;
  int order = sorting == Sorting::ByGroup ? compare(a.group, b.group) : 0;
  if (order == 0 && sorting != Sorting::ByKey) order = compare(a.number, b.number);
  if (order != 0) return sorting == Sorting::Descending ? -order : order;
  // A record has one partner at most, so this alone tells rows apart.
  return left.sides[0]->first.compare(right.sides[0]->first);
}

/// All rows, whatever part of them is wanted.
std::vector<NaiveRow> all_rows(const Question& question, const Shown& shown) {
  std::vector<const Entry*> partners;
  if (question.partner != Partner::None) partners = records_of(question.partners, shown);
  std::vector<NaiveRow> rows;
  for (const Entry* const entry : records_of(question.over, shown)) {
    if (!holds(question, entry->second)) continue;
    const Entry* const partner = partner_of(question, *entry, partners);
    const bool wants_none = question.partner == Partner::Anti;
    const bool needs_one = question.partner == Partner::Inner || question.partner == Partner::Semi;
    if ((needs_one && partner == nullptr) || (wants_none && partner != nullptr)) continue;
    rows.push_back({{entry, question.has_partner_side() ? partner : nullptr}});
  }
  return rows;
}

/// Huge numbers are counted apart, so that there is one rounding, as in an exact sum.
double sum_of(const std::vector<const ShownField*>& fields, uint64_t& numbers) {
  int64_t huge = 0;
  double rest = 0;
  for (const ShownField* const field : fields) {
    if (field->kind != ShownField::Kind::Number) continue;
    ++numbers;
    if (field->number == kHugeNumber) {
      ++huge;
    } else if (field->number == -kHugeNumber) {
      --huge;
    } else {
      rest += field->number;
    }
  }
  return static_cast<double>(huge) * kHugeNumber + rest;
}

void write_aggregates(ValueWriter& out, const std::vector<const ShownField*>& fields) {
  static const ShownField kNothing;
  uint64_t numbers = 0;
  const double sum = sum_of(fields, numbers);
  const ShownField* least = &kNothing;
  const ShownField* most = &kNothing;
  for (const ShownField* const field : fields) {
    if (field->is_nothing()) continue;
    if (least->is_nothing() || compare(*field, *least) < 0) least = field;
    if (compare(*field, *most) > 0) most = field;
  }
  out.unsigned_integer(fields.size());
  out.number(sum);
  numbers == 0 ? out.nil() : out.number(sum / static_cast<double>(numbers));
  write_field(out, *least);
  write_field(out, *most);
}

struct FieldLess {
  bool operator()(const ShownField& left, const ShownField& right) const {
    return compare(left, right) < 0;
  }
};

}  // namespace

int compare(const ShownField& left, const ShownField& right) {
  const auto rank = [](const ShownField& field) {
    return field.is_nothing() ? 0 : field.kind == ShownField::Kind::Number ? 1 : 2;
  };
  if (rank(left) != rank(right)) return rank(left) - rank(right);
  if (left.kind == ShownField::Kind::Text) return left.text.compare(right.text);
  if (left.kind != ShownField::Kind::Number) return 0;
  return left.number < right.number ? -1 : left.number > right.number ? 1 : 0;
}

ShownRecord read_record(ByteView value) {
  const ValueView view(value);
  ShownRecord record;
  record.value = to_bytes(value);
  if (view.type() != ValueType::Map) return record;
  record.group = read_field(view, "g");
  record.number = read_field(view, "n");
  record.parent = read_field(view, "p");
  record.text = read_field(view, "t");
  return record;
}

std::vector<NaiveRow> naive_rows(const Question& question, const Shown& shown) {
  std::vector<NaiveRow> rows = all_rows(question, shown);
  stable_sort(rows, [&](const NaiveRow& left, const NaiveRow& right) {
    return compare_rows(question.sorting, left, right) < 0;
  });
  const auto offset = std::min<size_t>(question.offset, rows.size());
  rows.erase(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(offset));
  if (question.limit != 0 && rows.size() > question.limit) rows.resize(question.limit);
  return rows;
}

std::vector<Bytes> naive_groups(const Question& question, const Shown& shown) {
  static const ShownField kNothing;
  std::map<ShownField, std::vector<const ShownField*>, FieldLess> groups;
  if (question.shape == AnswerShape::Total) groups[kNothing];
  for (const NaiveRow& row : all_rows(question, shown)) {
    const Entry* const counted = row.sides[question.has_partner_side() ? 1 : 0];
    const bool is_one = question.shape == AnswerShape::Total;
    groups[is_one ? kNothing : row.sides[0]->second.group].push_back(
        counted == nullptr ? &kNothing : &counted->second.number);
  }
  std::vector<Bytes> encoded;
  for (const auto& [group, fields] : groups) {
    const bool has_group = question.shape != AnswerShape::Total;
    const bool has_aggregates = question.shape != AnswerShape::Distinct;
    ValueWriter out(encoded.emplace_back());
    out.begin_array((has_group ? 1u : 0u) + (has_aggregates ? 5u : 0u));
    if (has_group) write_field(out, group);
    if (has_aggregates) write_aggregates(out, fields);
  }
  return encoded;
}

std::vector<Bytes> naive_view(Relation view, const Shown& shown) {
  const Question question = question_of_view(view);
  if (question.is_grouped()) return naive_groups(question, shown);
  if (question.partner == Partner::None) {
    std::vector<Bytes> values;
    for (const Entry* const entry : records_of(view, shown)) values.push_back(entry->second.value);
    return values;
  }
  std::vector<Bytes> values;
  for (const NaiveRow& row : naive_rows(question, shown)) {
    ValueWriter out(values.emplace_back());
    out.begin_array(2);
    for (const Entry* const side : row.sides) out.encoded(ValueView(side->second.value));
  }
  return values;
}

std::vector<Bytes> naive_node_view(Relation view, const Shown& shown) {
  std::vector<Bytes> named;
  if (view == Relation::Groups) {
    for (const Bytes& group : naive_view(view, shown)) {
      const ValueView values(group);
      ValueWriter out(named.emplace_back());
      out.begin_map(static_cast<uint32_t>(values.size()));
      for (size_t i = 0; i < values.size(); ++i) {
        out.key(node_field(i));
        out.encoded(*values.at(i));
      }
    }
    return named;
  }
  TG_ASSERT(view == Relation::Pairs);
  for (const NaiveRow& row : naive_rows(question_of_view(view), shown)) {
    ValueWriter out(named.emplace_back());
    out.begin_map(2);
    for (size_t side = 0; side < 2; ++side) {
      out.key(node_field(side));
      write_field(out, row.sides[side]->second.text);
    }
  }
  return named;
}

}  // namespace topgun::sim
