#pragma once

#include "core/query/collection.hpp"

namespace topgun::query {

/// A predicate asked of columns, 1,024 rows at a time: no record is looked at where the columns
/// know enough. Gives what a `Matcher` gives.
class ColumnFilter {
 public:
  static constexpr size_t kBlockRows = Column::kBlockRows;
  static constexpr size_t kBlockWords = kBlockRows / 64;

  /// Nothing if an attribute has no column, or a test is none that its column can answer. Borrows
  /// the collection, which must not be written while this is in use.
  static std::optional<ColumnFilter> make(const Predicate& predicate, Collection& collection);

  /// The rows of the block that begins at `first`, a multiple of `kBlockRows`, for which it holds;
  /// bit `i` of word `w` is row `first + 64 * w + i`.
  void filter(RowId first, std::span<uint64_t, kBlockWords> words);

 private:
  struct Node {
    PredicateKind kind = PredicateKind::True;
    std::vector<uint32_t> children;
    std::optional<ValueTest> test;
    const Column* column = nullptr;
    std::vector<uint8_t> by_code;                  ///< For a column of codes: the answer for each.
    std::optional<KeyDictionary::Code> only_code;  ///< If it holds for one alone.
    std::vector<double> numbers;                   ///< For `In` over numbers.
    double low = 0;                                ///< For `Range` over numbers.
    double high = 0;
    bool has_nan = false;
    bool has_nil = false;
  };

  explicit ColumnFilter(Collection& collection)
      : collection_(&collection), reader_(collection.rows().attributes()) {}

  std::optional<uint32_t> add(const Predicate& predicate);
  bool prepare(Node& node);
  bool prepare_numbers(Node& node);
  void evaluate(uint32_t at, RowId first, std::span<uint64_t, kBlockWords> words);
  void test(const Node& node, RowId first, std::span<uint64_t, kBlockWords> words);
  void test_codes(const Node& node, RowId first, std::span<uint64_t, kBlockWords> words) const;
  void test_numbers(const Node& node, RowId first, std::span<uint64_t, kBlockWords> words) const;
  void test_others(const Node& node, RowId first, std::span<uint64_t, kBlockWords> words);

  Collection* collection_;
  AttributeReader reader_;
  std::vector<Node> nodes_;
  uint32_t root_ = 0;
};

}  // namespace topgun::query
