#include "core/query/like_pattern.hpp"

#include <cstdint>

namespace topgun::query {
namespace {

bool is_continuation(char byte) { return (static_cast<uint8_t>(byte) & 0xc0) == 0x80; }

char folded(char byte) { return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : byte; }

/// Bytes of the character at the start of valid UTF-8 that is not empty.
size_t character_bytes(std::string_view text) {
  size_t size = 1;
  while (size < text.size() && is_continuation(text[size])) ++size;
  return size;
}

}  // namespace

LikePattern::LikePattern(std::string_view pattern, Case letters) : letters_(letters), pieces_(1) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '%') {
      pieces_.emplace_back();
    } else if (pattern[i] == '_') {
      pieces_.back().push_back({0, true});
    } else {
      if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
      pieces_.back().push_back({pattern[i], false});
    }
  }
  if (letters_ != Case::Sensitive) return;
  for (const Item& item : pieces_[0]) {
    if (item.any_character) break;
    prefix_ += item.byte;
  }
  const bool literal = prefix_.size() == pieces_[0].size();
  is_equality_ = literal && pieces_.size() == 1;
  is_prefix_test_ = literal && pieces_.size() == 2 && pieces_[1].empty();
}

bool LikePattern::equal(char left, char right) const {
  return left == right || (letters_ == Case::AnyAscii && folded(left) == folded(right));
}

size_t LikePattern::match_at(const Piece& piece, std::string_view text) const {
  size_t at = 0;
  for (const Item& item : piece) {
    if (at == text.size()) return std::string_view::npos;
    if (item.any_character) {
      at += character_bytes(text.substr(at));
    } else if (equal(item.byte, text[at])) {
      ++at;
    } else {
      return std::string_view::npos;
    }
  }
  return at;
}

bool LikePattern::matches_at_end(const Piece& piece, std::string_view text) const {
  // Backwards: how many bytes a `_` takes is only known from where it is.
  size_t at = text.size();
  for (size_t i = piece.size(); i > 0; --i) {
    if (at == 0) return false;
    --at;
    if (piece[i - 1].any_character) {
      while (at > 0 && is_continuation(text[at])) --at;
    } else if (!equal(piece[i - 1].byte, text[at])) {
      return false;
    }
  }
  return true;
}

bool LikePattern::matches(std::string_view text) const {
  const size_t first = match_at(pieces_.front(), text);
  if (first == std::string_view::npos) return false;
  if (pieces_.size() == 1) return first == text.size();
  text.remove_prefix(first);
  for (size_t i = 1; i + 1 < pieces_.size(); ++i) {
    size_t end = match_at(pieces_[i], text);
    while (end == std::string_view::npos) {
      if (text.empty()) return false;
      text.remove_prefix(character_bytes(text));
      end = match_at(pieces_[i], text);
    }
    text.remove_prefix(end);
  }
  return matches_at_end(pieces_.back(), text);
}

}  // namespace topgun::query
