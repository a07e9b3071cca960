#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/dataflow/client_queries.hpp"
#include "tests/support/encoded_value.hpp"
#include "tests/support/world.hpp"

namespace topgun::dataflow {

inline constexpr uint64_t kMap = 1;
inline constexpr uint64_t kSubscription = 7;

/// The greatest values from "c" on, three at most.
inline query::Query standing_query(uint64_t limit) {
  query::Query query;
  query.where = query::at_least({}, query::text("c"));
  query.order = {{{}, query::Direction::Descending}};
  query.limit = limit;
  return query;
}

/// What the query finds among the entries that the application sees.
inline std::vector<std::string> expected_keys(const std::map<std::string, std::string>& entries,
                                              uint64_t limit) {
  std::vector<std::pair<std::string, std::string>> found;
  for (const auto& [key, value] : entries) {
    if (value >= "c") found.emplace_back(value, key);
  }
  // Keys are in order already and stay so among equal values.
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  if (found.size() > limit) found.resize(limit);
  std::vector<std::string> keys;
  for (const auto& [value, key] : found) keys.push_back(key);
  return keys;
}

/// A client's live query as its host keeps it.
class LiveList {
 public:
  LiveList(World::Client& client, uint64_t limit) : client_(client), limit_(limit) {}

  void subscribe() {
    Bytes payload;
    ByteWriter out(payload);
    out.varint(kSubscription);
    out.varint(kMap);
    out.raw(encode_query(standing_query(limit_)));
    const auto answer = client_.command(client::Command::SubscribeQuery, payload);
    REQUIRE(answer.error == 0);
    client_.query_events.clear();
    keys_ = read_rows(answer.payload);
  }

  /// Takes what the engine has said since the last time.
  void follow() {
    for (const auto& [event, payload] : client_.query_events) {
      REQUIRE(event == client::Event::QueryRows);
      ByteReader in(payload);
      REQUIRE(in.varint() == 1);
      REQUIRE(in.varint() == kSubscription);
      for (uint64_t n = in.varint(); n > 0; --n) take_step(in);
      REQUIRE((in.ok() && in.at_end()));
    }
    client_.query_events.clear();
  }

  const std::vector<std::string>& keys() const { return keys_; }

  /// The same, asked once.
  std::vector<std::string> ask() {
    Bytes payload;
    ByteWriter out(payload);
    out.varint(kMap);
    out.raw(encode_query(standing_query(limit_)));
    const auto answer = client_.command(client::Command::Query, payload);
    REQUIRE(answer.error == 0);
    return read_rows(answer.payload);
  }

  /// The client runs anew, or was asked to forget: no row is known by its number.
  void forget() { known_.clear(); }
  /// Rows of the last answer that were told by their numbers alone.
  size_t known_rows() const { return known_rows_; }

 private:
  std::vector<std::string> read_rows(ByteView answer) {
    ByteReader in(answer);
    REQUIRE(in.u8() == 0);
    const std::map<std::string, std::string>& entries = client_.entries(kMap);
    std::vector<std::string> keys;
    known_rows_ = 0;
    for (uint64_t n = in.varint(); n > 0; --n) {
      const uint64_t told = in.varint();
      if (told % 2 == 1) {
        const std::string key(as_text(in.blob(kKeyBytesMax)));
        REQUIRE(entries.count(key) == 1);
        known_[told / 2] = {key, entries.at(key)};
      } else {
        ++known_rows_;
      }
      // What a host made of the record when it was told the key is what it would make of it now.
      REQUIRE(known_.count(told / 2) == 1);
      const auto& [key, value] = known_[told / 2];
      REQUIRE(entries.count(key) == 1);
      REQUIRE(entries.at(key) == value);
      keys.push_back(key);
    }
    REQUIRE(in.ok());
    return keys;
  }

  void take_step(ByteReader& in) {
    const auto kind = static_cast<Edit::Kind>(in.u8());
    const auto from = static_cast<std::ptrdiff_t>(in.varint());
    const auto to = static_cast<std::ptrdiff_t>(in.varint());
    if (kind == Edit::Kind::Leave) {
      keys_.erase(keys_.begin() + from);
      return;
    }
    std::string key;
    if (in.u8() != 0) key = as_text(in.blob(kKeyBytesMax));
    if (kind == Edit::Kind::Move) keys_.erase(keys_.begin() + from);
    if (kind != Edit::Kind::Update) keys_.insert(keys_.begin() + to, key);
    keys_[static_cast<size_t>(to)] = std::move(key);
  }

  World::Client& client_;
  uint64_t limit_;
  /// Rows that were told with their keys, as they were then, by number.
  std::map<uint64_t, std::pair<std::string, std::string>> known_;
  size_t known_rows_ = 0;
  std::vector<std::string> keys_;
};

}  // namespace topgun::dataflow
