#include "core/query/column.hpp"

#include <algorithm>

namespace topgun::query {
namespace {

constexpr double kNaN = __builtin_nan("");

Column::Cell cell_of(const std::optional<ValueView>& value) {
  if (!value) return Column::Cell::Missing;
  switch (value->type()) {
    case ValueType::Nil:
      return Column::Cell::Nil;
    case ValueType::Number:
      return Column::Cell::Number;
    default:
      return Column::Cell::Other;
  }
}

}  // namespace

void Column::grow(RowId row) {
  const size_t size = (row / kBlockRows + 1) * kBlockRows;
  if (form_ == Form::Numbers && row >= cells_.size()) {
    cells_.resize(size, Cell::NoRow);
    numbers_.resize(size, kNaN);
  }
  if (form_ == Form::Codes && row >= codes_.size()) codes_.resize(size, kNoRow);
}

void Column::set(RowId row, const RowView& view) {
  grow(row);
  const auto value = reader_.read(view, attribute_);
  if (form_ == Form::Numbers) {
    others_ -= cells_[row] == Cell::Other ? 1 : 0;
    cells_[row] = cell_of(value);
    others_ += cells_[row] == Cell::Other ? 1 : 0;
    numbers_[row] = cells_[row] == Cell::Number ? *value->as_double() : kNaN;
    return;
  }
  Bytes key;
  // Only an exact key tells missing from nil.
  append_ordered_key(key, value, value ? KeyForm::Query : KeyForm::Exact);
  const KeyDictionary::Code code = dictionary_.acquire(key);
  if (codes_[row] != kNoRow) dictionary_.release(codes_[row]);
  codes_[row] = code;
}

void Column::clear(RowId row) {
  grow(row);
  if (form_ == Form::Numbers) {
    others_ -= cells_[row] == Cell::Other ? 1 : 0;
    cells_[row] = Cell::NoRow;
    numbers_[row] = kNaN;
    return;
  }
  if (codes_[row] != kNoRow) dictionary_.release(codes_[row]);
  codes_[row] = kNoRow;
}

bool Column::is_misfit(size_t rows) const {
  if (form_ == Form::Numbers) return others_ > rows / 8;
  return dictionary_.size() > kDistinctMin && dictionary_.size() > rows / 2;
}

size_t Column::memory_bytes() const {
  return cells_.capacity() + numbers_.capacity() * sizeof(double) +
         codes_.capacity() * sizeof(KeyDictionary::Code) + dictionary_.memory_bytes();
}

const Column* ColumnSet::find(AttributeId attribute) const {
  for (const auto& column : columns_) {
    if (column->attribute() == attribute) return column.get();
  }
  return nullptr;
}

const Column* ColumnSet::use(AttributeId attribute, const RowTable& rows) {
  if (const Column* const column = find(attribute)) {
    if (!column->is_misfit(rows.size())) return column;
    std::erase_if(columns_, [&](const auto& each) { return each.get() == column; });
  }
  auto use = std::find_if(uses_.begin(), uses_.end(),
                          [&](const Use& each) { return each.attribute == attribute; });
  if (use == uses_.end()) use = uses_.insert(uses_.end(), {attribute, 0, false});
  ++use->scans;
  if (rows.size() < kRowsMin || use->scans < kScansToPromote || use->unsuited) return nullptr;
  if (columns_.size() == kColumnsMax) return nullptr;
  auto column = make(attribute, rows);
  if (!column) {
    use->unsuited = true;
    return nullptr;
  }
  columns_.push_back(std::move(column));
  return columns_.back().get();
}

std::unique_ptr<Column> ColumnSet::make(AttributeId attribute, const RowTable& rows) const {
  for (const Column::Form form : {Column::Form::Numbers, Column::Form::Codes}) {
    auto column = std::make_unique<Column>(attribute, form, rows.attributes());
    RowId row = 0;
    for (; row < rows.row_end(); ++row) {
      if (rows.contains(row)) column->set(row, rows.view(row));
      // Most misfits show early.
      if (row == kRowsMin && column->is_misfit(row)) break;
    }
    if (row == rows.row_end() && !column->is_misfit(rows.size())) return column;
  }
  return nullptr;
}

void ColumnSet::set(RowId row, const RowView& view) {
  for (const auto& column : columns_) column->set(row, view);
}

void ColumnSet::clear(RowId row) {
  for (const auto& column : columns_) column->clear(row);
}

size_t ColumnSet::memory_bytes() const {
  size_t bytes = 0;
  for (const auto& column : columns_) bytes += column->memory_bytes();
  return bytes;
}

}  // namespace topgun::query
