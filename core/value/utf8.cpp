#include "core/value/utf8.hpp"

namespace topgun {
namespace {

constexpr uint64_t kHighBits = 0x8080808080808080;

uint64_t load_word(const uint8_t* at) {
  uint64_t word;
  __builtin_memcpy(&word, at, sizeof word);
  return word;
}

/// Bytes of ASCII at the start of `text`, rounded down to where the check stops being cheap.
size_t ascii_prefix(ByteView text) {
  const uint8_t* const data = text.data();
  const size_t size = text.size();
  size_t at = 0;
  while (size - at >= 32) {
    const uint64_t any = load_word(data + at) | load_word(data + at + 8) |
                         load_word(data + at + 16) | load_word(data + at + 24);
    if ((any & kHighBits) != 0) break;
    at += 32;
  }
  while (size - at >= 8 && (load_word(data + at) & kHighBits) == 0) at += 8;
  // The last few bytes: a word that overlaps those already seen saves the loop.
  if (size >= 8 && size - at < 8 && (load_word(data + size - 8) & kHighBits) == 0) return size;
  while (at < size && data[at] < 0x80) ++at;
  return at;
}

bool is_continuation(uint8_t byte) { return (byte & 0xc0) == 0x80; }

/// Size of the well-formed sequence at the start of `text`, which is not empty; 0 if there is none.
size_t sequence_size(ByteView text) {
  const uint8_t lead = text[0];
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (text.size() < size) return 0;
  // The second byte carries the rules against overlong forms, surrogates and what is too large.
  const uint8_t second = text[1];
  const uint8_t second_min = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const uint8_t second_max = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (second < second_min || second > second_max) return 0;
  if (size >= 3 && !is_continuation(text[2])) return 0;
  if (size == 4 && !is_continuation(text[3])) return 0;
  return size;
}

}  // namespace

bool is_utf8(ByteView text) {
  for (;;) {
    text = text.subspan(ascii_prefix(text));
    // Other scripts come in runs; look for ASCII again only where a run has ended.
    do {
      if (text.empty()) return true;
      const size_t size = sequence_size(text);
      if (size == 0) return false;
      text = text.subspan(size);
    } while (!text.empty() && text[0] >= 0x80);
  }
}

}  // namespace topgun
