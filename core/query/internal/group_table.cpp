#include "core/query/internal/group_table.hpp"

#include <algorithm>

#include "core/base/stable_sort.hpp"

namespace topgun::query::internal {
namespace {

/// 2^32 rows, more than there can be, of numbers up to this stay below 2^53.
constexpr double kSmall = 0x1p20;

}  // namespace

Result<GroupTable> GroupTable::make(const Query& query, Collection& collection, Columns columns) {
  auto reader = GroupReader::make(query, collection.attributes());
  if (!reader.ok()) return reader.error();
  GroupTable table(query, std::move(*reader));
  table.collection_ = &collection;
  table.choose_columns(collection, columns);
  return table;
}

Result<GroupTable> GroupTable::make(const Query& query, AttributeTable& attributes) {
  auto reader = GroupReader::make(query, attributes);
  if (!reader.ok()) return reader.error();
  return GroupTable(query, std::move(*reader));
}

GroupTable::GroupTable(const Query& query, GroupReader reader)
    : query_(&query), reader_(std::move(reader)), groups_(std::make_unique<KeyDictionary>()) {
  // Without attributes to group by there is one group, even of no rows.
  if (query.group_by.empty()) group_with({});
}

void GroupTable::choose_columns(Collection& collection, Columns columns) {
  const auto column_of = [&](AttributeId attribute) {
    return columns == Columns::Make ? collection.columns().use(attribute, collection.rows())
                                    : collection.columns().find(attribute);
  };
  if (reader_.group_by().size() == 1) {
    group_column_ = column_of(reader_.group_by()[0]);
    if (group_column_ != nullptr && group_column_->form() == Column::Form::Codes) {
      group_by_code_.assign(group_column_->dictionary().code_end(), 0);
    } else {
      group_column_ = nullptr;
    }
  }
  for (size_t i = 0; i < query_->aggregates.size(); ++i) {
    const AggregateKind kind = query_->aggregates[i].kind;
    const bool is_sum = kind == AggregateKind::Sum || kind == AggregateKind::Average;
    const Column* const column = is_sum ? column_of(reader_.aggregated()[i]) : nullptr;
    const bool has_numbers = column != nullptr && column->form() == Column::Form::Numbers;
    number_columns_.push_back(has_numbers ? column : nullptr);
  }
}

size_t GroupTable::group_with(ByteView key) {
  const size_t group = groups_->acquire(key);
  const size_t states = (group + 1) * query_->aggregates.size();
  if (states > states_.size()) {
    states_.resize(states);
    partials_.resize(states);
  }
  return group;
}

size_t GroupTable::group_of(RowId row) {
  if (query_->group_by.empty()) return 0;
  key_.clear();
  reader_.append_group_key(key_, collection_->rows().view(row));
  const size_t group = group_with(key_);
  if (group_column_ != nullptr) {
    group_by_code_[group_column_->codes()[row]] = static_cast<uint32_t>(group + 1);
  }
  return group;
}

void GroupTable::add_block() {
  const size_t rows = block_rows_;
  if (rows == 0) return;
  const size_t width = query_->aggregates.size();
  block_rows_ = 0;
  // Where the states of each row's group begin.
  std::array<size_t, kBlockRows> firsts;
  if (group_column_ == nullptr) {
    for (size_t i = 0; i < rows; ++i) firsts[i] = group_of(block_[i]) * width;
  } else {
    const KeyDictionary::Code* const codes = group_column_->codes().data();
    for (size_t i = 0; i < rows; ++i) {
      const uint32_t known = group_by_code_[codes[block_[i]]];
      firsts[i] = (known != 0 ? known - 1 : group_of(block_[i])) * width;
    }
  }
  for (size_t aggregate = 0; aggregate < width; ++aggregate) {
    const AggregateKind kind = query_->aggregates[aggregate].kind;
    if (kind == AggregateKind::Count) {
      for (size_t i = 0; i < rows; ++i) ++partials_[firsts[i] + aggregate].numbers;
    } else if (number_columns_[aggregate] != nullptr) {
      add_numbers(aggregate, *number_columns_[aggregate], std::span(firsts).first(rows));
    } else {
      for (size_t i = 0; i < rows; ++i) {
        add_value(states_[firsts[i] + aggregate], kind,
                  reader_.value(collection_->rows().view(block_[i]), aggregate));
      }
    }
  }
}

void GroupTable::add_numbers(size_t aggregate, const Column& column,
                             std::span<const size_t> firsts) {
  const double* const numbers = column.numbers().data();
  for (size_t i = 0; i < firsts.size(); ++i) {
    const RowId row = block_[i];
    const size_t state = firsts[i] + aggregate;
    const double number = numbers[row];
    // False for the NaN that stands where there is no number.
    if (number >= -kSmall && number <= kSmall &&
        static_cast<double>(static_cast<int64_t>(number)) == number) {
      partials_[state].whole += static_cast<int64_t>(number);
      ++partials_[state].numbers;
    } else if (column.cells()[row] == Column::Cell::Number) {
      states_[state].sum.add(number);
      ++partials_[state].numbers;
    } else if (column.cells()[row] == Column::Cell::Other) {
      add_value(states_[state], query_->aggregates[aggregate].kind,
                reader_.value(collection_->rows().view(row), aggregate));
    }
  }
}

void GroupTable::add(const RowView& row) {
  key_.clear();
  reader_.append_group_key(key_, row);
  const size_t group = group_with(key_);
  AggregateState* const states = states_.data() + group * query_->aggregates.size();
  for (size_t i = 0; i < query_->aggregates.size(); ++i) {
    add_value(states[i], query_->aggregates[i].kind, reader_.value(row, i));
  }
}

void GroupTable::count_rows(uint64_t rows) {
  for (AggregateState& state : states_) state.count += rows;
}

void GroupTable::settle_partials() {
  for (size_t i = 0; i < states_.size(); ++i) {
    states_[i].count += partials_[i].numbers;
    states_[i].sum.add(static_cast<double>(partials_[i].whole));
  }
  partials_.assign(partials_.size(), {});
}

std::vector<Bytes> GroupTable::take() {
  add_block();
  settle_partials();
  std::vector<KeyDictionary::Code> order;
  order.reserve(groups_->code_end());
  for (KeyDictionary::Code group = 0; group < groups_->code_end(); ++group) order.push_back(group);
  stable_sort(order, [&](KeyDictionary::Code a, KeyDictionary::Code b) {
    return compare_bytes(groups_->key(a), groups_->key(b)) < 0;
  });
  std::vector<Bytes> out;
  out.reserve(order.size());
  const size_t width = query_->aggregates.size();
  for (const KeyDictionary::Code group : order) {
    const std::span<const AggregateState> states(states_.data() + group * width, width);
    out.push_back(encode_group(groups_->key(group), *query_, states));
  }
  return out;
}

}  // namespace topgun::query::internal
