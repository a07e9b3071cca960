#pragma once

#include "core/base/gen.hpp"
#include "core/query/index.hpp"
#include "core/query/query.hpp"

namespace topgun::oracle {

/// Which values and conditions a world is made of.
enum class Flavour : uint8_t {
  Any,    ///< Everything that maps may hold and predicates may ask.
  Plain,  ///< What SQL can say as well: text, small numbers and nil, in three fields.
};

Bytes random_record(Gen& gen, Flavour flavour);

/// A query to one of `relations`, joined with others of them. With `Live`, one that can be
/// followed.
enum class Use : uint8_t { Once, Live };
query::Query random_plan(Gen& gen, Flavour flavour, Use use,
                         const std::vector<std::string>& relations);

query::IndexDefinition random_plan_index(Gen& gen, Flavour flavour, std::string name);

}  // namespace topgun::oracle
