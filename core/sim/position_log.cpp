#include "core/sim/position_log.hpp"

#include <algorithm>

namespace topgun::sim {

void PositionLog::restart(uint64_t incarnation) {
  incarnation_ = incarnation;
  noted_.clear();
}

PositionLog::Moment PositionLog::now() const {
  Moment moment;
  moment.incarnation = incarnation_;
  for (const auto& [part, noted] : noted_) {
    if (!noted.empty()) moment.versions[part] = noted.back().version;
  }
  return moment;
}

void PositionLog::note(const MapRef& map, uint16_t shard, uint64_t version,
                       ReferenceModel::Effect effect) {
  noted_[{map, shard}].push_back({version, std::move(effect)});
}

/// What is gone, or what something overruled that is gone as well, or that is not sent to `reader`
/// because he wrote it, although he may have lost it. Asked only of what is missing.
bool PositionLog::is_given_up(const MapRef& map, const std::vector<Noted>& all,
                              const ReferenceModel::Effect& effect, uint64_t reader) const {
  if (effect.record.is_retired(horizon_ms_)) return true;
  ReferenceModel unsent;
  for (const Noted& noted : all) {
    const bool is_unsent =
        noted.effect.record.is_retired(horizon_ms_) || noted.effect.record.replica == reader;
    if (is_unsent && noted.effect.key == effect.key) unsent.merge(map, noted.effect);
  }
  return unsent.covers(map, effect);
}

std::optional<ReferenceModel::Effect> PositionLog::missing(const MapRef& map, uint16_t shard,
                                                           uint64_t after, uint64_t upto,
                                                           const ReferenceModel& model,
                                                           uint64_t reader) const {
  const auto found = noted_.find({map, shard});
  if (found == noted_.end()) return std::nullopt;
  const std::vector<Noted>& all = found->second;
  const auto is_before = [](const Noted& noted, uint64_t version) {
    return noted.version < version;
  };
  for (auto at = std::lower_bound(all.begin(), all.end(), after + 1, is_before);
       at != all.end() && at->version <= upto; ++at) {
    const bool is_own = at->effect.record.replica == reader;
    if (is_own || model.covers(map, at->effect)) continue;
    if (!is_given_up(map, all, at->effect, reader)) return at->effect;
  }
  return std::nullopt;
}

}  // namespace topgun::sim
