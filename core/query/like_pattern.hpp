#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace topgun::query {

/// A LIKE pattern made ready: `%` stands for any text, `_` for one character (code point), `\`
/// takes the next character as it is. Everything else matches itself; optionally ASCII letters
/// match in either case.
///
/// The pieces between `%` are looked for from left to right, each as early as possible. Nothing is
/// ever tried again, so time is O(size of text * size of pattern) at worst, and close to the size
/// of the text as a rule.
class LikePattern {
 public:
  enum class Case : uint8_t { Sensitive, AnyAscii };

  LikePattern(std::string_view pattern, Case letters);

  bool matches(std::string_view text) const;

  /// The text that every match begins with; empty if the case of letters does not count.
  std::string_view literal_prefix() const { return prefix_; }
  /// Whether the pattern is its literal prefix, followed by one `%`.
  bool is_prefix_test() const { return is_prefix_test_; }
  /// Whether the pattern is its literal prefix and nothing else.
  bool is_equality() const { return is_equality_; }

 private:
  struct Item {
    char byte = 0;
    bool any_character = false;
  };
  using Piece = std::vector<Item>;

  /// Where a match of `piece` that begins at `text[0]` ends; npos if there is none.
  size_t match_at(const Piece& piece, std::string_view text) const;
  bool equal(char left, char right) const;
  bool matches_at_end(const Piece& piece, std::string_view text) const;

  Case letters_;
  std::vector<Piece> pieces_;  ///< Those between `%`; one more than there are `%`.
  std::string prefix_;
  bool is_prefix_test_ = false;
  bool is_equality_ = false;
};

}  // namespace topgun::query
