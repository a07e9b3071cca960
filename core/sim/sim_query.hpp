#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/node/shard.hpp"
#include "core/query/index.hpp"
#include "core/query/query.hpp"

namespace topgun::sim {

// What simulated applications ask, as a small family of questions, and the answers by looking at
// every record: too simple to be wrong, and sharing nothing with the engine under test but the
// reader of values.

/// A field as queries see it.
struct ShownField {
  enum class Kind : uint8_t { Missing, Nil, Number, Text };

  Kind kind = Kind::Missing;
  double number = 0;
  std::string text;

  bool is_nothing() const { return kind <= Kind::Nil; }
};
/// By the order of queries: nothing < numbers < text. Negative, 0 or positive.
int compare(const ShownField& left, const ShownField& right);

/// An entry as the application sees it. Values that are no maps have no fields.
struct ShownRecord {
  Bytes value;
  ShownField group;   ///< `g`: "a", "b", "c", nil or missing.
  ShownField number;  ///< `n`: small or very large, now and then text, nil or missing.
  ShownField parent;  ///< `p`: the key of another entry, or missing.
  ShownField text;    ///< `t`: who wrote it.
};
using Shown = std::map<std::string, ShownRecord>;

ShownRecord read_record(ByteView value);

/// Numbers so large that halves vanish beside them, unless sums are exact.
inline constexpr double kHugeNumber = 0x1p60;
std::string_view group_name(uint8_t letter);
/// What the node's views call their values: "a", "b"...
std::string node_field(size_t value);
/// What the texts of one client's writes begin with.
std::string writer_name(uint8_t letter);

/// The value of a record whose other fields `shape` draws; `keys` is how many keys there are.
Bytes make_record(uint64_t shape, const std::string& text, uint32_t keys);

/// What can be asked: the map "notes", and views that applications define, or the node. `OfBig`
/// looks at `Big`. Only the first four hold records of the map.
enum class Relation : uint8_t { Notes, Big, Top, OfBig, Groups, Pairs };
inline constexpr size_t kRelationCount = 6;

enum class Filter : uint8_t {
  All,
  GroupIs,
  GroupIsNot,
  AtLeast,
  NotAtLeast,
  GroupAndBelow,
  GroupOrNumber,
  GroupMissing,
  WrittenBy,
};
enum class Sorting : uint8_t { ByKey, Ascending, Descending, ByGroup };
enum class AnswerShape : uint8_t { Rows, Groups, Total, Distinct };
enum class Partner : uint8_t { None, Inner, Left, Semi, Anti };

struct Question {
  Relation over = Relation::Notes;
  Filter filter = Filter::All;
  uint8_t letter = 0;  ///< Of the group, and of the writer.
  uint8_t number = 0;
  Sorting sorting = Sorting::ByKey;
  uint8_t offset = 0;
  uint8_t limit = 0;  ///< 0 = all.
  AnswerShape shape = AnswerShape::Rows;
  Partner partner = Partner::None;      ///< The records whose key is `p`.
  Relation partners = Relation::Notes;  ///< Among these.
  bool has_partner_filter = false;      ///< And only those of the group "a".

  bool is_grouped() const { return shape != AnswerShape::Rows; }
  /// Whether the rows are records of the map.
  bool has_records() const { return over != Relation::Groups && over != Relation::Pairs; }
  bool looks_at_view() const {
    return over != Relation::Notes || (partner != Partner::None && partners != Relation::Notes);
  }
  /// Whether the rows of the answer have a record of the partner.
  bool has_partner_side() const { return partner == Partner::Inner || partner == Partner::Left; }
};

/// The question that a draw stands for; 0 is the simplest one.
Question question_of(uint64_t draw);
/// For people, as in "notes with n >= 3, by n descending, 3 from the 2nd".
std::string question_text(const Question& question);

query::Query query_of(const Question& question);
/// What a view is defined as.
Question question_of_view(Relation view);
std::string_view relation_name(Relation relation);
/// The relation as queries name it.
void write_relation(ByteWriter& out, Relation relation);

inline constexpr size_t kIndexCount = 6;
/// One of a few indexes that applications declare; the last is on the view `Big`.
query::IndexDefinition index_of(size_t number);
inline Relation relation_of_index(size_t number) {
  return number + 1 == kIndexCount ? Relation::Big : Relation::Notes;
}

/// One record a side; null where there is none.
struct NaiveRow {
  const Shown::value_type* sides[2] = {};
};
/// The rows of the answer, in order. Borrows.
std::vector<NaiveRow> naive_rows(const Question& question, const Shown& shown);
/// The groups of the answer as they are given back, in order.
std::vector<Bytes> naive_groups(const Question& question, const Shown& shown);
/// The values of all records of a view, in the order of their keys.
std::vector<Bytes> naive_view(Relation view, const Shown& shown);
/// The same of a view of the node, whose values have names.
std::vector<Bytes> naive_node_view(Relation view, const Shown& shown);
/// The views that a node declares: all of them, by the names of `relation_name`.
std::vector<node::NodeView> node_views();

}  // namespace topgun::sim
