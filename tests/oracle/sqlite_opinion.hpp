#pragma once

#include <sqlite3.h>

#include "tests/oracle/oracle_world.hpp"

namespace topgun::oracle {

/// SQLite in memory, one table a map: the record's key and the three fields of plain records.
class SqliteOpinion final : public SecondOpinion {
 public:
  SqliteOpinion();
  ~SqliteOpinion() override;
  SqliteOpinion(const SqliteOpinion&) = delete;
  SqliteOpinion& operator=(const SqliteOpinion&) = delete;

  void load(std::string_view map, const Records& records) override;
  /// Nothing for queries to views: what those hold are arrays.
  std::optional<NaiveAnswer> ask(std::string_view map, const query::Query& query) override;

 private:
  void run(const std::string& sql);

  sqlite3* database_ = nullptr;
};

}  // namespace topgun::oracle
