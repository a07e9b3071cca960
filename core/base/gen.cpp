#include "core/base/gen.hpp"

#include <algorithm>

namespace topgun {

Bytes Gen::bytes(uint64_t size_min, uint64_t size_max) {
  Bytes out(static_cast<size_t>(between(size_min, size_max)));
  for (uint8_t& byte : out) byte = static_cast<uint8_t>(below(256));
  return out;
}

std::string Gen::word(uint64_t size_min, uint64_t size_max, uint64_t letters) {
  TG_ASSERT(letters <= 26);
  std::string out(static_cast<size_t>(between(size_min, size_max)), 'a');
  for (char& letter : out) letter = static_cast<char>('a' + below(letters));
  return out;
}

uint64_t RecordingGen::choose(uint64_t last) {
  const uint64_t choice = inner_.choose(last);
  tape_.push_back(choice);
  return choice;
}

bool RecordingGen::choose_bool(uint64_t numerator, uint64_t denominator) {
  const bool choice = inner_.choose_bool(numerator, denominator);
  tape_.push_back(choice ? 1 : 0);
  return choice;
}

uint64_t ReplayGen::choose(uint64_t last) {
  if (at_ == tape_.size()) {
    diverged_ = true;
    return 0;
  }
  const uint64_t choice = tape_[at_++];
  if (choice <= last) return choice;
  diverged_ = true;
  return last;
}

bool ReplayGen::choose_bool(uint64_t numerator, uint64_t denominator) {
  const bool wanted = choose(1) != 0;
  const bool allowed = wanted ? numerator > 0 : numerator < denominator;
  if (allowed) return wanted;
  diverged_ = true;
  return !wanted;
}

bool ExhaustiveGen::next_round() {
  at_ = 0;
  if (rounds_ > 0) {
    // Count up: the last choice that has an alternative left takes it, and all after it start over.
    while (!path_.empty() && path_.back().alternative + 1 == path_.back().alternatives) {
      path_.pop_back();
    }
    if (path_.empty()) return false;
    ++path_.back().alternative;
  }
  ++rounds_;
  return true;
}

uint64_t ExhaustiveGen::choose_alternative(uint64_t alternatives) {
  TG_ASSERT(rounds_ > 0);
  if (at_ == path_.size()) {
    if (path_.size() >= limits_.choices_max) {
      if (alternatives > 1) bounded_ = true;
      return 0;
    }
    path_.push_back({0, alternatives});
  }
  const Choice& choice = path_[at_++];
  // The program chose otherwise than in the round before, after the same choices.
  TG_ASSERT(choice.alternatives == alternatives);
  return choice.alternative;
}

uint64_t ExhaustiveGen::choose(uint64_t last) {
  const uint64_t alternatives_max = std::max<uint64_t>(limits_.alternatives_max, 1);
  if (last < alternatives_max) return choose_alternative(last + 1);
  bounded_ = true;
  const uint64_t alternative = choose_alternative(alternatives_max);
  return alternative > 0 && alternative + 1 == alternatives_max ? last : alternative;
}

bool ExhaustiveGen::choose_bool(uint64_t numerator, uint64_t denominator) {
  if (numerator == 0) return false;
  if (numerator >= denominator) return true;
  return choose_alternative(2) != 0;
}

}  // namespace topgun
