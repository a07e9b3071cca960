#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.hpp"
#include "core/base/error.hpp"

namespace topgun::host {

/// Parses one JSON text with at most `depth_max` containers inside each other. Numbers keep the
/// double that their text names, to the last bit, which Boost.JSON's own parser does not promise.
/// Nothing if it is no JSON (RFC 8259) or not UTF-8.
std::optional<boost::json::value> parse_json(std::string_view text, size_t depth_max);

/// What is wrong with a JSON text, in words; the first finding is kept.
class JsonProblem {
 public:
  void say(std::string_view what);
  void say(Error error, std::string_view what);
  bool empty() const { return text_.empty(); }
  Error error() const { return error_; }
  const std::string& text() const { return text_; }

 private:
  Error error_ = Error::Malformed;
  std::string text_;
};

/// 0 to 2^64 - 1, as a number or as digits in text.
std::optional<uint64_t> to_u64(const boost::json::value& value);

/// Reads the members of an object. The first member that is missing or wrong is reported to
/// `problem`; every later read gives the fallback, so that a group can be read and checked once.
/// Borrows the object and the problem.
class JsonMembers {
 public:
  JsonMembers(const boost::json::value& value, JsonProblem& problem);

  bool has(std::string_view name) const;

  /// A number up to `max`; the fallback where the member is missing, or a problem if there is none.
  uint64_t number(std::string_view name, std::optional<uint64_t> fallback = std::nullopt,
                  uint64_t max = UINT64_MAX);
  bool flag(std::string_view name, bool fallback);
  std::string_view text(std::string_view name,
                        std::optional<std::string_view> fallback = std::nullopt);
  /// Base64url; empty where the member is missing.
  Bytes bytes(std::string_view name);
  /// An array; empty where the member is missing.
  const boost::json::array& array(std::string_view name);
  /// Null where the member is missing.
  const boost::json::value* value(std::string_view name);

  /// Reports members that nobody asked for: a name that is spelled wrong would else have no effect.
  void expect_no_others();

 private:
  const boost::json::value* find(std::string_view name);
  void wrong(std::string_view name, std::string_view expected);

  const boost::json::object* object_ = nullptr;
  JsonProblem& problem_;
  std::vector<std::string_view> asked_;
};

}  // namespace topgun::host
