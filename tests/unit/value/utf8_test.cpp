#include "core/value/utf8.hpp"

#include <doctest/doctest.h>

#include <string>

namespace topgun {
namespace {

TEST_CASE("utf8: well-formed sequences pass and ill-formed ones do not, wherever they stand") {
  struct Case {
    const char* name;
    std::string text;
    bool valid;
  };
  const Case cases[] = {
      {"empty", "", true},
      {"two bytes, smallest", "\xc2\x80", true},
      {"two bytes, overlong", "\xc1\xbf", false},
      {"three bytes, smallest", "\xe0\xa0\x80", true},
      {"three bytes, overlong", "\xe0\x9f\xbf", false},
      {"before the surrogates", "\xed\x9f\xbf", true},
      {"first surrogate", "\xed\xa0\x80", false},
      {"last surrogate", "\xed\xbf\xbf", false},
      {"after the surrogates", "\xee\x80\x80", true},
      {"four bytes, smallest", "\xf0\x90\x80\x80", true},
      {"four bytes, overlong", "\xf0\x8f\xbf\xbf", false},
      {"U+10FFFF", "\xf4\x8f\xbf\xbf", true},
      {"U+110000", "\xf4\x90\x80\x80", false},
      {"lone continuation", "\x80", false},
      {"lead without continuation", "\xc3", false},
      {"three bytes cut", "\xe2\x82", false},
      {"four bytes cut", "\xf0\x9f\x98", false},
      {"bad third byte", "\xe2\x82\x41", false},
      {"bad fourth byte", "\xf0\x9f\x98\x41", false},
      {"never a lead", "\xff", false},
  };
  for (const Case& c : cases) {
    // Every alignment against the words that the ASCII path reads.
    for (size_t before = 0; before < 40; ++before) {
      for (const size_t after : {0, 1, 7, 8, 33}) {
        CAPTURE(c.name);
        CAPTURE(before);
        CAPTURE(after);
        const std::string text = std::string(before, 'a') + c.text + std::string(after, 'z');
        CHECK(is_utf8(as_bytes(text)) == c.valid);
      }
    }
  }
}

}  // namespace
}  // namespace topgun
