#include "core/dataflow/edit.hpp"

namespace topgun::dataflow {

void apply_edits(std::vector<query::RowId>& list, const std::vector<Edit>& edits) {
  const auto at = [&](size_t index) { return list.begin() + static_cast<ptrdiff_t>(index); };
  for (const Edit& edit : edits) {
    if (edit.kind == Edit::Kind::Leave || edit.kind == Edit::Kind::Move) list.erase(at(edit.from));
    if (edit.kind == Edit::Kind::Enter || edit.kind == Edit::Kind::Move) {
      list.insert(at(edit.to), edit.row);
    }
  }
}

}  // namespace topgun::dataflow
