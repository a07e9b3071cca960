#include "core/client/outbox.hpp"

#include <doctest/doctest.h>

#include <optional>

using topgun::client::Outbox;

namespace {

Outbox::Entry entry_of(uint64_t sequence, uint32_t operations = 1) {
  Outbox::Entry entry;
  entry.first_sequence = sequence;
  entry.last_sequence = sequence + operations - 1;
  entry.operations = operations;
  return entry;
}

Outbox outbox_of(uint64_t entries) {
  Outbox outbox;
  for (uint64_t sequence = 1; sequence <= entries; ++sequence) outbox.add(entry_of(sequence));
  return outbox;
}

std::optional<uint64_t> sequence_of(const Outbox::Entry* entry) {
  if (entry == nullptr) return std::nullopt;
  return entry->first_sequence;
}

void send(Outbox& outbox, size_t entries) {
  for (size_t i = 0; i < entries; ++i) outbox.first_unsent()->sent = true;
}

}  // namespace

TEST_CASE("outbox: what a transaction holds may be sent once it is stored, and nothing behind it") {
  Outbox outbox = outbox_of(2);
  outbox.set_transaction(7);
  outbox.add(entry_of(3));
  outbox.set_transaction(8);
  outbox.add(entry_of(4));
  CHECK(sequence_of(outbox.first_unsent()) == std::nullopt);
  outbox.mark_stored(7);
  CHECK(sequence_of(outbox.first_unstored()) == 3);
  send(outbox, 2);
  CHECK(sequence_of(outbox.first_unsent()) == std::nullopt);
  outbox.mark_stored(8);
  CHECK(sequence_of(outbox.first_unsent()) == 3);
  outbox.mark_stored(100);
  CHECK(sequence_of(outbox.first_unstored()) == 4);
}

TEST_CASE("outbox: acks of what was sent leave the first unsent entry where it is") {
  Outbox outbox = outbox_of(5);
  outbox.set_transaction(1);
  outbox.mark_stored(1);
  send(outbox, 4);
  CHECK(outbox.acknowledge(3, [](const Outbox::Entry&) {}));
  CHECK(sequence_of(outbox.first_unsent()) == 5);
  CHECK(sequence_of(outbox.first_unstored()) == std::nullopt);
  outbox.add(entry_of(6));
  CHECK(sequence_of(outbox.first_unstored()) == 6);
}

TEST_CASE("outbox: after a reconnect everything is to be sent again, in order") {
  Outbox outbox = outbox_of(3);
  outbox.set_transaction(1);
  outbox.mark_stored(1);
  send(outbox, 3);
  CHECK(sequence_of(outbox.first_unsent()) == std::nullopt);
  outbox.mark_unsent();
  CHECK(sequence_of(outbox.first_unsent()) == 1);
}

TEST_CASE("outbox: what is put back after it was taken out keeps where it stands") {
  Outbox outbox = outbox_of(4);
  outbox.set_transaction(1);
  outbox.mark_stored(1);
  send(outbox, 2);
  for (Outbox::Entry& entry : outbox.take()) {
    if (entry.first_sequence != 1) outbox.add(std::move(entry));
  }
  CHECK(outbox.operations() == 3);
  CHECK(sequence_of(outbox.first_unsent()) == 3);
}

TEST_CASE("outbox: operations under way are those that were sent and not acknowledged") {
  Outbox outbox;
  outbox.add(entry_of(1, 10));
  outbox.add(entry_of(11, 5));
  outbox.add(entry_of(16, 3));
  outbox.set_transaction(1);
  outbox.mark_stored(1);
  CHECK(outbox.sent_beyond(0) == 0);
  send(outbox, 2);
  CHECK(sequence_of(outbox.first_unsent()) == 16);
  CHECK(outbox.sent_beyond(0) == 15);
  CHECK(outbox.sent_beyond(10) == 5);
  CHECK(outbox.sent_beyond(12) == 5);
  CHECK(outbox.sent_beyond(15) == 0);
}
