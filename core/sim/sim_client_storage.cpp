#include "core/base/byte_io.hpp"
#include "core/sim/invariant_checker.hpp"
#include "core/sim/sim_client.hpp"

// A client's storage: rows by key, transactions that end one after another, and what befalls them.

namespace topgun::sim {
namespace {

constexpr uint64_t kStoreUs = 3'000;

}  // namespace

void SimClient::on_persist(ByteView payload) {
  ByteReader in(payload);
  Transaction transaction;
  transaction.number = in.varint();
  for (uint64_t i = in.varint(); i > 0; --i) {
    std::string key(as_text(in.blob(1024)));
    transaction.puts.emplace_back(std::move(key), to_bytes(in.blob(payload.size())));
    model_row(transaction.puts.back().first, transaction.puts.back().second);
  }
  for (uint64_t i = in.varint(); i > 0; --i) {
    transaction.deletes.emplace_back(as_text(in.blob(1024)));
  }
  TG_ASSERT(in.ok() && in.at_end());
  if (std::exchange(learns_anew_, false)) {
    load_model(std::map<std::string, Bytes>(transaction.puts.begin(), transaction.puts.end()));
  }
  transactions_.push_back(std::move(transaction));
  plan_storage();
}

void SimClient::plan_storage() {
  if (storing_ || transactions_.empty() || asleep_) return;
  storing_ = true;
  const Prng draws(options_.seed, stream_id("client.store"), options_.number);
  const uint64_t wait_us = Prng::multiply_high(draws.at(transactions_done_), 2 * kStoreUs);
  scheduler_.after(wait_us, actor_, OnStored, starts_);
}

void SimClient::apply(const Transaction& transaction) {
  for (const auto& [key, row] : transaction.puts) {
    rows_[key] = row;
    if (key[0] == 'j' || key[0] == 's') report_stored(row);
  }
  for (const std::string& key : transaction.deletes) rows_.erase(key);
  // A snapshot says everything; what it was to replace would come to life at the next start.
  const bool is_snapshot = !transaction.puts.empty() && transaction.puts.back().first == "m";
  if (!is_snapshot) return;
  checker_.count_check(Invariant::Bounded);
  if (rows_.size() == transaction.puts.size()) return;
  checker_.fail(Invariant::Bounded, "client " + std::to_string(number()) + " keeps " +
                                        std::to_string(rows_.size() - transaction.puts.size()) +
                                        " rows that a snapshot was to replace");
}

void SimClient::finish_transaction(bool failed) {
  ++transactions_done_;
  const Transaction transaction = std::move(transactions_.front());
  transactions_.pop_front();
  if (!failed) apply(transaction);
  if (failed) {
    has_unseen_writes_ = has_failed_to_store_ = true;
    may_lack_its_own_ = has_lost_rows_ = true;
  }
  Bytes payload;
  ByteWriter out(payload);
  out.varint(transaction.number);
  out.u16(failed ? static_cast<uint16_t>(Error::StorageFull) : 0);
  command(client::Command::Persisted, payload);
}

uint64_t SimClient::stored_bytes() const {
  uint64_t bytes = 0;
  for (const auto& [key, row] : rows_) bytes += key.size() + row.size();
  return bytes;
}

void SimClient::wipe() {
  kill();
  rows_.clear();
  checker_.client_lost_writes();
}

void SimClient::take_rows(const SimClient& other) {
  kill();
  rows_ = other.rows_;
  checker_.replica_was_copied();
  checker_.client_lost_writes();
}

void SimClient::damage_row(uint64_t which) {
  if (rows_.empty()) return;
  auto row = rows_.begin();
  std::advance(row, static_cast<int64_t>(which % rows_.size()));
  if (row->second.empty()) return;
  knows_its_stamps_ = false;
  may_lack_its_own_ = has_lost_rows_ = true;
  Bytes& bytes = row->second;
  bytes[static_cast<size_t>((which >> 20) % bytes.size())] ^=
      static_cast<uint8_t>(1u << (which >> 60 & 7));
  checker_.client_lost_writes();
}

}  // namespace topgun::sim
