#pragma once

#include <map>
#include <string>

#include "core/dataflow/query_engine.hpp"
#include "core/value/value_writer.hpp"
#include "tests/support/encoded_value.hpp"

namespace topgun {

/// Names and values of a record, as `{{"city", "Bonn"}, {"age", 3.0}}`.
struct TestField {
  const char* name;
  const char* text = nullptr;
  double number = 0;

  TestField(const char* field, const char* value) : name(field), text(value) {}
  TestField(const char* field, double value) : name(field), number(value) {}
};

inline Bytes record_value(std::initializer_list<TestField> fields) {
  Bytes out;
  ValueWriter writer(out);
  writer.begin_map(fields.size());
  for (const TestField& field : fields) {
    writer.key(field.name);
    field.text != nullptr ? writer.text(field.text) : writer.number(field.number);
  }
  return out;
}

/// An engine over maps that own their records.
class LiveEngine {
 public:
  LiveEngine(std::initializer_list<const char*> maps) {
    for (const char* const name : maps) {
      Map& map = maps_[name];
      map.id = *engine.attach(name, map.collection);
    }
  }

  void set(const std::string& map, const std::string& key, Bytes value) {
    Map& to = maps_.at(map);
    Bytes before;
    query::Write write;
    write.row = to.collection.find(as_bytes(key));
    if (write.row) before = to.records[key];
    if (write.row) write.before = before;
    to.records[key] = std::move(value);
    write.key = as_bytes(to.records.find(key)->first);
    write.after = to.records[key];
    engine.apply(to.id, write);
  }

  void remove(const std::string& map, const std::string& key) {
    Map& from = maps_.at(map);
    query::Write write;
    write.row = from.collection.find(as_bytes(key));
    write.key = as_bytes(key);
    write.before = from.records[key];
    engine.apply(from.id, write);
    from.records.erase(key);
  }

  query::Collection& collection(const std::string& map) { return maps_.at(map).collection; }

  /// The answer of a subscription: keys of each row's records joined by "-", rows by " ".
  std::string shown(dataflow::SubscriptionId id) {
    std::string all;
    for (const query::RowId row : engine.rows(id)) {
      const auto view = engine.row(id, row);
      if (!all.empty()) all += " ";
      if (view->sides == nullptr) {
        all += as_text(view->key);
        continue;
      }
      all += as_text(view->sides[0].key);
      for (size_t side = 1; side < sides; ++side) {
        const query::RowView& record = view->sides[side];
        all += "-";
        all += record.is_absent() ? "" : as_text(record.key);
      }
    }
    return all;
  }

  size_t sides = 2;  ///< Of the joins that `shown` is asked about.

 private:
  struct Map {
    std::map<std::string, Bytes> records;
    query::Collection collection;
    dataflow::RelationId id{};
  };
  std::map<std::string, Map> maps_;

 public:
  dataflow::QueryEngine engine;  ///< Goes before the maps that it borrows.
};

}  // namespace topgun
