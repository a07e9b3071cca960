#include "core/crdt/operation.hpp"

#include "tests/support/records.hpp"

namespace topgun {
namespace {

constexpr ReplicaId kAuthor{0x0102030405060708};

std::vector<OwnedRecord> records_of(const OwnedOperation& operation) {
  std::vector<OwnedRecord> records;
  for_each_record(operation.author, operation.view(),
                  [&](const Record& record) { records.push_back(OwnedRecord::of(record)); });
  return records;
}

std::string tag_text(OperationId id) {
  const TagBytes tag = element_tag(id);
  return text_of(tag);
}

OwnedOperation operation_of(OperationKind kind, std::string payload, uint64_t ttl_ms = 0) {
  return {kAuthor, kind, 3, stamp_time(1000, 2), ttl_ms, "k", std::move(payload)};
}

TEST_CASE("operation: each kind writes to one kind of map") {
  CHECK(map_kind_of(OperationKind::LwwSet) == MapKind::Lww);
  CHECK(map_kind_of(OperationKind::LwwRemove) == MapKind::Lww);
  CHECK(map_kind_of(OperationKind::OrAdd) == MapKind::Or);
  CHECK(map_kind_of(OperationKind::OrRemove) == MapKind::Or);
  CHECK(map_kind_of(OperationKind::CounterAdd) == MapKind::Counter);
}

TEST_CASE("operation: a set and a removal become one record under no tag") {
  const Stamp stamp{stamp_time(1000, 2), kAuthor};
  CHECK(records_of(operation_of(OperationKind::LwwSet, "v", 9)) ==
        std::vector<OwnedRecord>{{"k", "", stamp, 9, false, "v"}});
  CHECK(records_of(operation_of(OperationKind::LwwRemove, "")) ==
        std::vector<OwnedRecord>{{"k", "", stamp, 0, true, ""}});
}

TEST_CASE("operation: an add becomes a record under its own identity") {
  const Stamp stamp{stamp_time(1000, 2), kAuthor};
  CHECK(records_of(operation_of(OperationKind::OrAdd, "v", 9)) ==
        std::vector<OwnedRecord>{{"k", tag_text({kAuthor, 3}), stamp, 9, false, "v"}});
}

TEST_CASE("operation: an OR remove becomes a tombstone for each tag it observed") {
  const Stamp stamp{stamp_time(1000, 2), kAuthor};
  const std::string payload = or_remove_payload({{{9}, 1}, {{8}, 300}});
  CHECK(records_of(operation_of(OperationKind::OrRemove, payload)) ==
        std::vector<OwnedRecord>{{"k", tag_text({{9}, 1}), stamp, 0, true, ""},
                                 {"k", tag_text({{8}, 300}), stamp, 0, true, ""}});
}

TEST_CASE("operation: a counter add becomes its author's totals") {
  const Stamp stamp{stamp_time(1000, 2), kAuthor};
  const auto tag = counter_tag(kAuthor);
  CHECK(records_of(operation_of(OperationKind::CounterAdd, counter_add_payload({7, 300}))) ==
        std::vector<OwnedRecord>{{"k", text_of(tag), stamp, 0, false, counter_value(7, 300)}});
}

struct CheckCase {
  const char* name;
  OwnedOperation operation;
  std::optional<Error> error;
};

OwnedOperation with_key(std::string key) {
  OwnedOperation operation = operation_of(OperationKind::LwwSet, "v");
  operation.key = std::move(key);
  return operation;
}

OwnedOperation with_sequence(uint64_t sequence) {
  OwnedOperation operation = operation_of(OperationKind::LwwSet, "v");
  operation.sequence = sequence;
  return operation;
}

TEST_CASE("operation: sizes and payload must be what the kind prescribes") {
  using enum OperationKind;
  const std::string value_max(kValueBytesMax, 'v'), key_max(kKeyBytesMax, 'k');
  const std::string tags_max = or_remove_payload(std::vector<OperationId>(kOrRemoveTagsMax));
  const std::string tags_over = or_remove_payload(std::vector<OperationId>(kOrRemoveTagsMax + 1));
  const std::string one_tag = or_remove_payload({{{9}, 1}});
  const std::string totals = counter_add_payload({UINT64_MAX, UINT64_MAX});
  const CheckCase cases[] = {
      {"set", operation_of(LwwSet, "v"), {}},
      {"set with the longest life", operation_of(LwwSet, "v", kTtlMsMax), {}},
      {"set of the longest value", operation_of(LwwSet, value_max), {}},
      {"longest key", with_key(key_max), {}},
      {"last sequence", with_sequence(UINT64_MAX), {}},
      {"remove", operation_of(LwwRemove, ""), {}},
      {"add", operation_of(OrAdd, "v", 1), {}},
      {"or remove", operation_of(OrRemove, one_tag), {}},
      {"or remove of most tags", operation_of(OrRemove, tags_max), {}},
      {"counter add of the largest totals", operation_of(CounterAdd, totals), {}},

      {"no key", with_key(""), Error::Malformed},
      {"key too long", with_key(key_max + "k"), Error::TooLarge},
      {"sequence zero", with_sequence(0), Error::Malformed},
      {"life too long", operation_of(LwwSet, "v", kTtlMsMax + 1), Error::TooLarge},
      {"set of nothing", operation_of(LwwSet, ""), Error::Malformed},
      {"set of too much", operation_of(LwwSet, value_max + "v"), Error::TooLarge},
      {"remove with a payload", operation_of(LwwRemove, "v"), Error::Malformed},
      {"remove with a life", operation_of(LwwRemove, "", 1), Error::Malformed},
      {"add of nothing", operation_of(OrAdd, ""), Error::Malformed},
      {"or remove with a life", operation_of(OrRemove, one_tag, 1), Error::Malformed},
      {"or remove without a payload", operation_of(OrRemove, ""), Error::Truncated},
      {"or remove of no tag", operation_of(OrRemove, or_remove_payload({})), Error::Malformed},
      {"or remove of too many tags", operation_of(OrRemove, tags_over), Error::TooLarge},
      {"or remove cut off", operation_of(OrRemove, one_tag.substr(0, 9)), Error::Truncated},
      {"or remove with a byte more", operation_of(OrRemove, one_tag + "x"), Error::Malformed},
      {"counter add with a life", operation_of(CounterAdd, totals, 1), Error::Malformed},
      {"counter add without a payload", operation_of(CounterAdd, ""), Error::Truncated},
      {"counter add of one total", operation_of(CounterAdd, "\x05"), Error::Truncated},
      {"counter add with a byte more", operation_of(CounterAdd, totals + "x"), Error::Malformed},
  };
  for (const CheckCase& c : cases) {
    CAPTURE(c.name);
    const Result<void> checked = check_operation(c.operation.view());
    CHECK(checked.ok() == !c.error.has_value());
    if (!checked.ok() && c.error) CHECK(checked.error() == *c.error);
  }
}

TEST_CASE("operation: numbers that are no kind are told apart") {
  for (int value = 0; value < 256; ++value) {
    CAPTURE(value);
    CHECK(is_operation_kind(static_cast<uint8_t>(value)) == (value >= 1 && value <= 5));
    CHECK(is_map_kind(static_cast<uint8_t>(value)) == (value >= 1 && value <= 3));
  }
}

}  // namespace
}  // namespace topgun
