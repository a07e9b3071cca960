#include "core/query/column_filter.hpp"

#include <algorithm>

namespace topgun::query {
namespace {

constexpr double kInfinity = __builtin_inf();

/// Asks `holds(i)` of each row of a block.
template <typename Holds>
void fill_words(std::span<uint64_t, ColumnFilter::kBlockWords> words, Holds&& holds) {
  for (size_t word = 0; word < words.size(); ++word) {
    uint64_t bits = 0;
    for (size_t bit = 0; bit < 64; ++bit) {
      bits |= static_cast<uint64_t>(holds(64 * word + bit)) << bit;
    }
    words[word] = bits;
  }
}

template <typename Holds>
void add_words(std::span<uint64_t, ColumnFilter::kBlockWords> words, Holds&& holds) {
  uint64_t more[ColumnFilter::kBlockWords];
  fill_words(more, holds);
  for (size_t i = 0; i < words.size(); ++i) words[i] |= more[i];
}

}  // namespace

std::optional<ColumnFilter> ColumnFilter::make(const Predicate& predicate, Collection& collection) {
  ColumnFilter filter(collection);
  const auto root = filter.add(predicate);
  if (!root) return std::nullopt;
  filter.root_ = *root;
  for (Node& node : filter.nodes_) {
    if (node.column != nullptr && !filter.prepare(node)) return std::nullopt;
  }
  return filter;
}

std::optional<uint32_t> ColumnFilter::add(const Predicate& predicate) {
  Node node;
  node.kind = predicate.kind;
  bool complete = true;
  // All of them, even if one has none: each use counts.
  for (const Predicate& child : predicate.children) {
    const auto at = add(child);
    complete = complete && at.has_value();
    node.children.push_back(at.value_or(0));
  }
  if (predicate.kind >= PredicateKind::In) {
    const auto id = collection_->attributes().intern(predicate.attribute);
    if (!id.ok()) return std::nullopt;
    node.column = collection_->columns().use(*id, collection_->rows());
    if (node.column == nullptr) return std::nullopt;
    node.test.emplace(predicate);
  }
  if (!complete) return std::nullopt;
  nodes_.push_back(std::move(node));
  return static_cast<uint32_t>(nodes_.size() - 1);
}

bool ColumnFilter::prepare(Node& node) {
  const Column& column = *node.column;
  if (column.form() == Column::Form::Numbers) return prepare_numbers(node);
  const KeyDictionary& dictionary = column.dictionary();
  node.by_code.assign(dictionary.code_end(), 0);
  for (KeyDictionary::Code code = 0; code < dictionary.code_end(); ++code) {
    if (!dictionary.contains(code)) continue;
    const auto part = read_ordered_part(dictionary.key(code));
    if (!part.ok()) return false;
    const auto value = part->missing ? std::nullopt : std::optional(ValueView(part->value));
    node.by_code[code] = node.test->holds(value) ? 1 : 0;
  }
  const auto first = std::find(node.by_code.begin(), node.by_code.end(), 1);
  if (std::count(first, node.by_code.end(), 1) == 1) {
    node.only_code = static_cast<KeyDictionary::Code>(first - node.by_code.begin());
  }
  return true;
}

bool ColumnFilter::prepare_numbers(Node& node) {
  const ValueTest& test = *node.test;
  const auto number = [](const Operand& operand) { return ValueView(operand.value()).as_double(); };
  if (test.kind() == PredicateKind::In) {
    for (const Operand& operand : test.operands()) {
      node.has_nil = node.has_nil || operand.type() == ValueType::Nil;
      const auto value = number(operand);
      if (!value) continue;
      if (*value != *value) {
        node.has_nan = true;
      } else {
        node.numbers.push_back(*value);
      }
    }
    return true;
  }
  if (test.kind() != PredicateKind::Range) return true;
  node.low = -kInfinity;
  node.high = kInfinity;
  const size_t ends = test.operands().size();
  for (size_t i = 0; i < ends; ++i) {
    const ValueType type = test.operands()[i].type();
    const auto value = number(test.operands()[i]);
    if (!value && type == ValueType::BigInt) return false;
    if (!value) {  // No number lies in a range of something else.
      node.low = kInfinity;
      node.high = -kInfinity;
      return true;
    }
    (i == 0 && test.has_low() ? node.low : node.high) = *value;
  }
  return true;
}

void ColumnFilter::filter(RowId first, std::span<uint64_t, kBlockWords> words) {
  uint64_t present[kBlockWords];
  collection_->all().copy_words(first, present);
  evaluate(root_, first, words);
  for (size_t i = 0; i < kBlockWords; ++i) words[i] &= present[i];
}

void ColumnFilter::evaluate(uint32_t at, RowId first, std::span<uint64_t, kBlockWords> words) {
  const Node& node = nodes_[at];
  if (node.test) return test(node, first, words);
  const bool starts_full = node.kind == PredicateKind::True || node.kind == PredicateKind::And;
  std::fill(words.begin(), words.end(), starts_full ? ~uint64_t{0} : 0);
  uint64_t child[kBlockWords];
  for (const uint32_t each : node.children) {
    evaluate(each, first, child);
    for (size_t i = 0; i < kBlockWords; ++i) {
      if (node.kind == PredicateKind::And) words[i] &= child[i];
      if (node.kind == PredicateKind::Or) words[i] |= child[i];
      if (node.kind == PredicateKind::Not) words[i] = ~child[i];
    }
  }
}

void ColumnFilter::test(const Node& node, RowId first, std::span<uint64_t, kBlockWords> words) {
  const Column& column = *node.column;
  const bool has_codes = column.form() == Column::Form::Codes;
  if ((has_codes ? column.codes().size() : column.cells().size()) <= first) {
    return std::fill(words.begin(), words.end(), 0);
  }
  if (has_codes) return test_codes(node, first, words);
  test_numbers(node, first, words);
  if (column.has_others()) test_others(node, first, words);
}

void ColumnFilter::test_codes(const Node& node, RowId first,
                              std::span<uint64_t, kBlockWords> words) const {
  const KeyDictionary::Code* const codes = node.column->codes().data() + first;
  if (node.only_code) {
    const KeyDictionary::Code wanted = *node.only_code;
    return fill_words(words, [=](size_t i) { return codes[i] == wanted; });
  }
  const size_t known = node.by_code.size();
  const uint8_t* const by_code = node.by_code.data();
  fill_words(words, [=](size_t i) { return codes[i] < known && by_code[codes[i]] != 0; });
}

void ColumnFilter::test_numbers(const Node& node, RowId first,
                                std::span<uint64_t, kBlockWords> words) const {
  const Column::Cell* const cells = node.column->cells().data() + first;
  const double* const numbers = node.column->numbers().data() + first;
  std::fill(words.begin(), words.end(), 0);
  if (node.kind == PredicateKind::Range) {
    const double low = node.low;
    const double high = node.high;
    const bool low_open = node.test->has_low() && !node.test->low_inclusive();
    const bool high_open = !node.test->high_inclusive();
    // What has no number has NaN, which is in no range.
    if (low_open && high_open) {
      fill_words(words, [=](size_t i) { return (numbers[i] > low) & (numbers[i] < high); });
    } else if (low_open) {
      fill_words(words, [=](size_t i) { return (numbers[i] > low) & (numbers[i] <= high); });
    } else if (high_open) {
      fill_words(words, [=](size_t i) { return (numbers[i] >= low) & (numbers[i] < high); });
    } else {
      fill_words(words, [=](size_t i) { return (numbers[i] >= low) & (numbers[i] <= high); });
    }
  } else if (node.kind == PredicateKind::In) {
    for (const double wanted : node.numbers) {
      add_words(words, [=](size_t i) { return numbers[i] == wanted; });
    }
    if (node.has_nan) {
      add_words(words, [=](size_t i) {
        return (cells[i] == Column::Cell::Number) & (numbers[i] != numbers[i]);
      });
    }
    if (node.has_nil) {
      add_words(words, [=](size_t i) {
        return (cells[i] == Column::Cell::Nil) | (cells[i] == Column::Cell::Missing);
      });
    }
  } else if (node.kind == PredicateKind::IsMissing) {
    fill_words(words, [=](size_t i) { return cells[i] == Column::Cell::Missing; });
  }
}

/// What the column cannot tell: bigints, and whatever is no number.
void ColumnFilter::test_others(const Node& node, RowId first,
                               std::span<uint64_t, kBlockWords> words) {
  const Column::Cell* const cells = node.column->cells().data() + first;
  for (size_t i = 0; i < kBlockRows; ++i) {
    if (cells[i] != Column::Cell::Other) continue;
    const RowView row = collection_->rows().view(first + static_cast<RowId>(i));
    const bool holds = node.test->holds(reader_.read(row, node.column->attribute()));
    words[i / 64] |= static_cast<uint64_t>(holds) << (i % 64);
  }
}

}  // namespace topgun::query
