#pragma once

#include <map>
#include <optional>
#include <vector>

#include "core/sim/reference_model.hpp"

namespace topgun::sim {

/// What each version of the node's maps brought, in its present life. A position that a client is
/// told, or tells, is a promise: it holds all that came up to there. Were it false, the node would
/// pass over what is missing, and only a comparison of roots would find out, at its price.
class PositionLog {
 public:
  /// The node starts anew, and with it the count of versions.
  void restart(uint64_t incarnation);
  uint64_t incarnation() const { return incarnation_; }
  /// Tombstones from before it are collected, by everybody when it hears of it.
  void set_horizon(uint64_t horizon_ms) { horizon_ms_ = horizon_ms; }

  /// Which versions there were at a moment of the node's life.
  struct Moment {
    uint64_t incarnation = 0;
    std::map<std::pair<MapRef, uint16_t>, uint64_t> versions;
  };
  Moment now() const;

  /// After version `version` of its part of the map, `shard` holds the effect. Versions do not go
  /// back.
  void note(const MapRef& map, uint16_t shard, uint64_t version, ReferenceModel::Effect effect);

  /// An effect of the versions above `after` and up to `upto` that the model neither covers nor may
  /// have collected behind the horizon; nothing if there is none. What `reader` wrote itself is not
  /// asked for: a node sends nobody his own. O(log versions + those between).
  std::optional<ReferenceModel::Effect> missing(const MapRef& map, uint16_t shard, uint64_t after,
                                                uint64_t upto, const ReferenceModel& model,
                                                uint64_t reader) const;

 private:
  struct Noted {
    uint64_t version;
    ReferenceModel::Effect effect;
  };
  bool is_given_up(const MapRef& map, const std::vector<Noted>& all,
                   const ReferenceModel::Effect& effect, uint64_t reader) const;

  uint64_t incarnation_ = 0;
  uint64_t horizon_ms_ = 0;
  std::map<std::pair<MapRef, uint16_t>, std::vector<Noted>> noted_;
};

}  // namespace topgun::sim
