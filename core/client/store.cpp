#include "core/client/store.hpp"

#include <algorithm>

#include "core/base/hash.hpp"
#include "core/base/probe.hpp"

namespace topgun::client {
namespace {

constexpr uint8_t kFormat = 1;
constexpr size_t kChecksumBytes = 8;

std::string hex(uint64_t value) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (size_t i = 0; i < text.size(); ++i) text[15 - i] = kDigits[(value >> (4 * i)) & 0xf];
  return text;
}

bool is_intact(ByteView row) {
  ByteReader in(row);
  const uint64_t checksum = in.u64();
  const uint8_t format = in.u8();
  return in.ok() && format == kFormat && checksum == hash64(row.subspan(kChecksumBytes));
}

void put_rows(EventQueue& events, uint64_t transaction,
              const std::vector<std::pair<std::string, Bytes>>& puts,
              const std::vector<std::string>& deletes) {
  events.push(Event::Persist, [&](ByteWriter& out) {
    out.varint(transaction);
    out.varint(puts.size());
    for (const auto& [key, row] : puts) {
      out.blob(as_bytes(key));
      out.blob(row);
    }
    out.varint(deletes.size());
    for (const std::string& key : deletes) out.blob(as_bytes(key));
  });
}

/// The manifest's numbers; zeroes if there is none.
struct Manifest {
  uint64_t generation = 0;
  uint64_t pages = 0;
};

Manifest decode_manifest(ByteView row) {
  ByteReader in(row);
  in.u64();
  in.u8();
  Manifest manifest;
  manifest.generation = in.u64();
  manifest.pages = in.u64();
  return in.ok() && in.at_end() ? manifest : Manifest{};
}

void seal(Bytes& row) {
  const uint64_t checksum = hash64(ByteView(row).subspan(kChecksumBytes));
  for (size_t i = 0; i < kChecksumBytes; ++i) row[i] = static_cast<uint8_t>(checksum >> (8 * i));
}

}  // namespace

void RowWriter::clear() {
  bytes_.assign(kChecksumBytes, 0);
  bytes_.push_back(kFormat);
  empty_ = true;
}

void RowWriter::meta(const Meta& meta) {
  section(Section::Meta, [&](ByteWriter& out) {
    out.u64(meta.replica.value);
    out.u64(meta.clock);
    out.varint(meta.last_sequence);
    out.varint(meta.acknowledged);
  });
}

Bytes RowWriter::finish() {
  seal(bytes_);
  Bytes row = std::move(bytes_);
  clear();
  return row;
}

std::string Store::page_key(uint64_t generation, uint64_t page) {
  return "s" + hex(generation) + "-" + hex(page);
}

std::string Store::journal_key(uint64_t number) { return "j" + hex(number); }

Store::Loaded Store::take_loaded() {
  Loaded result;
  const auto note_damage = [&] {
    if (result.damaged++ == 0) result.rows_before_damage = result.rows.size();
  };
  Manifest manifest;
  const auto manifest_row = loaded_.find("m");
  if (manifest_row != loaded_.end()) {
    if (is_intact(manifest_row->second)) {
      manifest = decode_manifest(manifest_row->second);
    } else {
      note_damage();
    }
  }
  generation_ = manifest.generation;
  // A page count from storage bounds a loop over look-ups, so it is bounded by what was loaded.
  for (uint64_t page = 0; page < manifest.pages && page <= loaded_.size(); ++page) {
    const auto found = loaded_.find(page_key(manifest.generation, page));
    if (found == loaded_.end() || !is_intact(found->second)) {
      note_damage();
      continue;
    }
    snapshot_bytes_ += found->second.size();
    result.rows.push_back(found->second);
  }
  const size_t snapshot_rows = result.rows.size() + result.damaged;
  // Keys are hexadecimal of one width, so the map's order is the order of writing.
  for (const auto& [key, row] : loaded_) {
    live_keys_.push_back(key);
    if (key.size() != journal_key(0).size() || key[0] != 'j') continue;
    if (!is_intact(row)) {
      note_damage();
      continue;
    }
    journal_bytes_ += row.size();
    result.rows.push_back(row);
  }
  // New rows must sort behind every row that is there, damaged or not.
  for (const std::string& key : live_keys_) {
    if (key.size() != journal_key(0).size() || key[0] != 'j') continue;
    uint64_t number = 0;
    for (const char c : key.substr(1)) {
      const bool is_digit = c >= '0' && c <= '9';
      number = number * 16 + static_cast<uint64_t>(is_digit ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    next_journal_ = std::max(next_journal_, number + 1);
  }
  loaded_.clear();
  // What a page of the snapshot held may be of any age.
  if (result.damaged == 0) result.rows_before_damage = result.rows.size();
  if (result.rows_before_damage < snapshot_rows) result.rows_before_damage = 0;
  return result;
}

uint64_t Store::append(Bytes row, EventQueue& events) {
  const std::string key = journal_key(next_journal_++);
  journal_bytes_ += row.size();
  live_keys_.push_back(key);
  put_rows(events, ++last_transaction_, {{key, std::move(row)}}, {});
  return last_transaction_;
}

uint64_t Store::replace(std::vector<Bytes> pages, EventQueue& events) {
  ++generation_;
  std::vector<std::pair<std::string, Bytes>> puts;
  snapshot_bytes_ = 0;
  for (Bytes& page : pages) {
    snapshot_bytes_ += page.size();
    puts.emplace_back(page_key(generation_, puts.size()), std::move(page));
  }
  Bytes manifest(kChecksumBytes, 0);
  ByteWriter out(manifest);
  out.u8(kFormat);
  out.u64(generation_);
  out.u64(puts.size());
  seal(manifest);
  puts.emplace_back("m", std::move(manifest));
  std::vector<std::string> written;
  for (const auto& [key, row] : puts) written.push_back(key);
  if (!TG_MUTANT(51)) {
    live_keys_.insert(live_keys_.end(), replaced_keys_.begin(), replaced_keys_.end());
  }
  std::erase_if(live_keys_, [&](const std::string& key) {
    return std::find(written.begin(), written.end(), key) != written.end();
  });
  put_rows(events, ++last_transaction_, puts, live_keys_);
  snapshot_transaction_ = last_transaction_;
  replaced_keys_ = std::exchange(live_keys_, std::move(written));
  journal_bytes_ = 0;
  return last_transaction_;
}

void Store::persisted(uint64_t transaction, bool done) {
  if (transaction != snapshot_transaction_) return;
  snapshot_transaction_ = 0;
  if (done) return replaced_keys_.clear();
  // Its pages may be there or not; the next snapshot has the same names.
  --generation_;
}

}  // namespace topgun::client
