#include <doctest/doctest.h>

#include <map>
#include <string>

#include "core/query/key_dictionary.hpp"
#include "tests/support/property.hpp"

namespace topgun::query {
namespace {

TEST_CASE("key_dictionary property: a code stands for one key as long as somebody uses it") {
  for_each_seed(200, [](Gen& gen) {
    struct Use {
      KeyDictionary::Code code;
      uint32_t users;
    };
    KeyDictionary dictionary;
    std::map<std::string, Use> model;
    for (int i = 0; i < 600; ++i) {
      std::string key = gen.word(0, 3, 4);
      if (gen.chance(1, 40)) key += std::string(1500, 'x');
      const auto known = model.find(key);
      if (gen.chance(3, 5)) {
        const KeyDictionary::Code code = dictionary.acquire(as_bytes(key));
        if (known == model.end()) {
          model[key] = {code, 1};
        } else {
          REQUIRE(code == known->second.code);
          ++known->second.users;
        }
      } else if (known != model.end()) {
        const bool is_last = --known->second.users == 0;
        REQUIRE(dictionary.release(known->second.code) == is_last);
        if (is_last) model.erase(known);
      }
      REQUIRE(dictionary.size() == model.size());
    }
    for (const auto& [key, use] : model) {
      REQUIRE(dictionary.find(as_bytes(key)) == use.code);
      REQUIRE(as_text(dictionary.key(use.code)) == key);
    }
    CHECK(dictionary.code_end() <= 700);
    CHECK_FALSE(dictionary.find(as_bytes("never seen")));
  });
}

}  // namespace
}  // namespace topgun::query
