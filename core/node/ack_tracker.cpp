#include "core/node/ack_tracker.hpp"

#include "core/base/probe.hpp"

namespace topgun::node {

uint64_t AckTracker::begin(uint64_t last_sequence, uint16_t parts) {
  compact();
  Batch batch;
  batch.last_sequence = last_sequence;
  batch.waiting = parts;
  batches_.push_back(std::move(batch));
  const uint64_t token = first_token_ + batches_.size() - 1;
  if (parts == 0) advance_memory();
  return token;
}

void AckTracker::applied(uint64_t token, uint16_t shard, uint64_t log_sequence) {
  TG_ASSERT(token >= first_token_ && token - first_token_ < batches_.size());
  Batch& batch = batches_[static_cast<size_t>(token - first_token_)];
  TG_ASSERT(batch.waiting > 0);
  --batch.waiting;
  if (log_sequence != 0) {
    const LogPosition position{shard, log_sequence};
    if (batch.first.sequence == 0) {
      batch.first = position;
    } else {
      batch.more.push_back(position);
    }
  }
  advance_memory();
}

void AckTracker::advance_memory() {
  while (memory_at_ < batches_.size() && batches_[memory_at_].waiting == 0) {
    memory_sequence_ = std::max(memory_sequence_, batches_[memory_at_].last_sequence);
    ++memory_at_;
  }
}

uint64_t AckTracker::advance_local(const std::vector<uint64_t>& durable) {
  const auto is_durable = [&](const LogPosition& position) {
    return position.sequence <= durable[position.shard];
  };
  while (head_ < memory_at_) {
    const Batch& batch = batches_[head_];
    bool reached = is_durable(batch.first);
    for (const LogPosition& position : batch.more) reached = reached && is_durable(position);
    if (!reached && !TG_MUTANT(21)) break;
    local_sequence_ = std::max(local_sequence_, batch.last_sequence);
    ++head_;
  }
  return local_sequence_;
}

void AckTracker::compact() {
  if (head_ == 0 || head_ * 2 < batches_.size()) return;
  batches_.erase(batches_.begin(), batches_.begin() + static_cast<ptrdiff_t>(head_));
  first_token_ += head_;
  memory_at_ -= head_;
  head_ = 0;
}

}  // namespace topgun::node
